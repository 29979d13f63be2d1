#include "bench/export/export.h"

#include <charconv>
#include <map>

namespace prefixmesh::bench {
namespace {

constexpr ExportFormat kFormats[] = {
    {"openmetrics", "for promtool tsdb create-blocks-from openmetrics, and so for the dashboards", &OpenMetrics},
    {"csv", "a row per run, a column per figure", &Csv},
    {"otava", "Apache Otava: a CSV per scenario and strategy, and its configuration", &Otava},
    {"bmf", "Bencher Metric Format", &BencherMetricFormat},
    {"go", "Go benchmark text, for benchstat", &GoBenchmark},
    {"junit", "JUnit XML: a test case per run", &JUnit},
    {"github-action", "github-action-benchmark: customSmallerIsBetter, and customBiggerIsBetter beside it",
     &GithubAction},
    {"llm-d", "llm-d Benchmark Report 0.2.1, one per run", nullptr, &LlmD},
};

}  // namespace

std::span<const ExportFormat> ExportFormats() { return kFormats; }

const ExportFormat* FindExportFormat(std::string_view name) {
  for (const ExportFormat& format : kFormats)
    if (format.name == name) return &format;
  return nullptr;
}

std::vector<RunGroup> GroupsOf(const std::vector<RunLine>& runs) {
  std::map<std::pair<std::string, std::string>, RunGroup> groups;
  for (const RunLine& run : runs) {
    RunGroup& group = groups[{run.scenario, run.strategy}];
    group.scenario = run.scenario;
    group.strategy = run.strategy;
    group.runs.push_back(run);
  }
  std::vector<RunGroup> out;
  for (auto& [name, group] : groups) {
    SortByStart(group.runs);
    out.push_back(std::move(group));
  }
  return out;
}

std::string NumberText(double value) {
  char text[40];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  return error == std::errc() ? std::string(text, end) : "0";
}

}  // namespace prefixmesh::bench
