// report_command.h — `prefixmesh report`: a few results side by side, or many runs as trends.
// Threads: one. Ownership: values. Errors: one line on stderr, exit 1 (it cannot be written) or 2 (usage). Bounds:
// those of report.h and trends.h.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace prefixmesh::bench {

struct ReportArguments {
  std::vector<std::string> paths;
  std::string out;
  bool markdown = false;

  CLI::App* AddTo(CLI::App& app);
};

int RunReport(const ReportArguments& arguments);

}  // namespace prefixmesh::bench
