// ab_command.h — `prefixmesh ab` and `prefixmesh compare`: their arguments and what they print.
//
// Exit codes: 1 regressed, or a run failed; 2 usage; 3 unstable, not enough pairs, untrusted; else
// 0. Threads: one. Ownership: values. Errors: one line on stderr.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "bench/app/scenario_arguments.h"

namespace prefixmesh::bench {

struct AbArguments {
  ScenarioArguments scenario;
  std::string a, b, arms, build_a, build_b, out;
  std::size_t pairs = 12;
  bool mixed_index = false, mixed_policy = false;

  CLI::App* AddTo(CLI::App& app);
};
int RunAb(const AbArguments& arguments);

struct CompareArguments {
  std::string a, b;

  CLI::App* AddTo(CLI::App& app);
};
int RunCompare(const CompareArguments& arguments);

}  // namespace prefixmesh::bench
