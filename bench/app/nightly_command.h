// nightly_command.h — `prefixmesh nightly`: its arguments, the build it compares with, and what it leaves behind.
//
// Exit codes: 1 something regressed, or a run failed; 2 usage; 3 something could not be said; else 0.
// Threads: one. Ownership: values. Errors: one line on stderr.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

namespace prefixmesh::bench {

struct NightlyArguments {
  std::string suite = "short", results = "results", store = "runs/nights", out, baseline, baseline_build, accept;
  std::uint32_t keep_days = 30;

  CLI::App* command = nullptr;

  CLI::App* AddTo(CLI::App& app);
};
int RunNightly(const NightlyArguments& arguments);

}  // namespace prefixmesh::bench
