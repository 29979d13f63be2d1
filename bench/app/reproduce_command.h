// reproduce_command.h — `prefixmesh reproduce`: the original's before and after beside every strategy, as one table.
// Threads: one. Ownership: values. Errors: one line on stderr, exit 1 (a run failed) or 2 (usage). Bounds: those of a
// run.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "bench/app/scenario_arguments.h"

namespace prefixmesh::bench {

struct ReproduceArguments {
  ScenarioArguments scenario;
  std::vector<std::string> strategies;
  std::vector<std::string> table;  // stored results: no runs, only the table
  std::string out;

  CLI::App* AddTo(CLI::App& app);
};

int RunReproduce(const ReproduceArguments& arguments);

}  // namespace prefixmesh::bench
