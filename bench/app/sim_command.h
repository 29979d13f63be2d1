// sim_command.h — `prefixmesh sim`: its arguments and what it prints.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

namespace prefixmesh::bench {

struct SimArguments {
  std::string strategy = "two-layer";
  std::string faults = "swarm";
  std::string duration = "120s";
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  std::optional<std::uint64_t> routers;  // as drawn
  bool scale = false;

  CLI::App* AddTo(CLI::App& app);
};

// 0: every rule held, or there is none; 1: one broke; 2: bad arguments.
int RunSim(const SimArguments& arguments);

}  // namespace prefixmesh::bench
