// store_command.h — `prefixmesh export`, `prefixmesh baseline set|show` and `prefixmesh list results`: what is done
// with runs that are stored.
//
// Threads: one. Ownership: values. Errors: one line on stderr, exit codes of output.h.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace prefixmesh::bench {

struct ExportArguments {
  std::string format, out;
  std::vector<std::string> paths;

  CLI::App* AddTo(CLI::App& app);
};
int RunExport(const ExportArguments& arguments);

struct BaselineArguments {
  std::string results = "results", why, scenario;
  std::vector<std::string> runs;
  CLI::App *set = nullptr, *show = nullptr;

  CLI::App* AddTo(CLI::App& app);
};
int RunBaseline(const BaselineArguments& arguments);

// The recorded runs, newest last.
int ListResults(const std::string& results);

}  // namespace prefixmesh::bench
