// fleet_command.h — `prefixmesh fleet`: its arguments and what it prints.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "bench/app/scenario_arguments.h"

namespace prefixmesh::bench {

struct FleetArguments {
  ScenarioArguments scenario;
  std::string arms = "off,two-layer";
  std::uint64_t seeds = 1;
  bool one_router = false;
  bool table = false;

  CLI::App* AddTo(CLI::App& app);
};

// 0, or 2: bad arguments.
int RunFleetCommand(const FleetArguments& arguments);

}  // namespace prefixmesh::bench
