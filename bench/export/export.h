// export.h — start here for exports: stored runs in the formats of other tools, one file a format.
//
// Every format is made of lines of runs (bench/store/run_line.h), so a year of nights takes seconds, but for those that
// are a document about one run and read its whole result. A value that was not measured is left out, never 0.
//
// Threads: pure. Time: linear in runs. Ownership: values. Units: a figure's own, but for OpenMetrics, which has base
// units. Errors: kInvalid where a format cannot hold what is given. Bounds: those of the runs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/store/run_line.h"
#include "impl/base/result.h"

namespace prefixmesh::bench {

struct ExportFile {
  std::string name, text;
};
// The first is what goes to standard output; the others need a folder.
using ExportFiles = std::vector<ExportFile>;

struct ExportFormat {
  std::string_view name, summary;
  // One of the two.
  Result<ExportFiles> (*of_lines)(const std::vector<RunLine>& runs) = nullptr;
  Result<ExportFile> (*of_result)(const nlohmann::json& result) = nullptr;
};
std::span<const ExportFormat> ExportFormats();
const ExportFormat* FindExportFormat(std::string_view name);

Result<ExportFiles> OpenMetrics(const std::vector<RunLine>& runs);
Result<ExportFiles> Csv(const std::vector<RunLine>& runs);
Result<ExportFiles> Otava(const std::vector<RunLine>& runs);
Result<ExportFiles> BencherMetricFormat(const std::vector<RunLine>& runs);
Result<ExportFiles> GoBenchmark(const std::vector<RunLine>& runs);
Result<ExportFiles> JUnit(const std::vector<RunLine>& runs);
Result<ExportFiles> GithubAction(const std::vector<RunLine>& runs);
Result<ExportFile> LlmD(const nlohmann::json& result);

// ---- what several formats share -------------------------------------------------------------------------------------

// The runs of one scenario and strategy, by start; groups in the order of their names.
struct RunGroup {
  std::string scenario, strategy;
  std::vector<RunLine> runs;
  std::string Name() const { return scenario + "/" + strategy; }
};
std::vector<RunGroup> GroupsOf(const std::vector<RunLine>& runs);

// The shortest text that reads back as the same number.
std::string NumberText(double value);

// What the files of an OpenMetrics export, and so the panels of dashboards, call a figure: base units, the label of
// a labelled figure as a label.
struct ResultMetric {
  std::string family;  // prefixmesh_result_router_decision_cpu_seconds
  double scale = 1;    // of the figure's unit, to the family's
  std::string label;   // `percentile="p99"`, or nothing
};
ResultMetric ResultMetricOf(const HistoryFigure& figure);

}  // namespace prefixmesh::bench
