// profile_command.h — `prefixmesh profile`: a run with one router under heaptrack, and what its heap was made of.
// Exit codes: those of `run`; 2 without heaptrack. Threads: one. Ownership: values. Errors: one line on stderr.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "bench/app/scenario_arguments.h"

namespace prefixmesh::bench {

struct ProfileArguments {
  ScenarioArguments scenario;
  std::string strategy, out, against, save;
  CLI::App* command = nullptr;

  CLI::App* AddTo(CLI::App& app);
};
int RunProfile(const ProfileArguments& arguments);

}  // namespace prefixmesh::bench
