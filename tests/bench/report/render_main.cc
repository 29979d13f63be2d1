// render_main.cc — result files in, a report out: what the browser test opens. `report_render OUT.html RESULT.json…`;
// with `-` for OUT it prints the terminal's and the README's table.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bench/report/report.h"
#include "bench/report/table.h"

int main(int argc, char** argv) {
  using namespace prefixmesh;
  std::vector<nlohmann::json> results;
  for (int i = 2; i < argc; ++i) {
    std::ifstream file(argv[i]);
    results.push_back(nlohmann::json::parse(file, nullptr, false));
    if (results.back().is_discarded()) {
      std::fprintf(stderr, "%s: not JSON\n", argv[i]);
      return 2;
    }
  }
  if (results.empty()) return 2;
  if (std::string(argv[1]) == "-") {
    std::cout << bench::RenderTable(results) << "\n" << bench::RenderMarkdownTable(results);
    return 0;
  }
  const Result<std::string> report = bench::RenderReport(results);
  if (!report.ok()) {
    std::fprintf(stderr, "%s\n", report.error().message.c_str());
    return 1;
  }
  std::ofstream out(argv[1], std::ios::binary);
  out << *report;
  out.close();
  return out ? 0 : 1;
}
