// OpenMetrics 1.0 text (https://github.com/OpenObservability/OpenMetrics, "Metric families", "# EOF"). A value has no
// label of its run, or every run would be a series of its own: run_info has those.
#include <map>

#include "bench/export/export.h"
#include "bench/nightly/history.h"

namespace prefixmesh::bench {
namespace {

struct BaseUnit {
  std::string_view suffix, base;
  double scale;
};
constexpr BaseUnit kBaseUnits[] = {
    {"_per_s", "_per_second", 1}, {"_us", "_seconds", 1e-6}, {"_ms", "_seconds", 1e-3}, {"_s", "_seconds", 1}};

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string LabelsOf(const RunLine& run) {
  return "scenario=\"" + Escaped(run.scenario) + "\",strategy=\"" + Escaped(run.strategy) + "\",seed=\"" +
         std::to_string(run.seed) + "\",machine=\"" + Escaped(run.machine) + "\"";
}

// Samples of one series follow each other with rising times, one a second at most.
using Series = std::map<std::string, std::map<std::int64_t, std::string>>;

void Append(const std::string& family, std::string_view unit, std::string_view help, const Series& series,
            std::string& out) {
  if (series.empty()) return;
  out += "# TYPE " + family + " gauge\n";
  if (!unit.empty()) out += "# UNIT " + family + " " + std::string(unit) + "\n";
  out += "# HELP " + family + " " + Escaped(help) + "\n";
  for (const auto& [labels, samples] : series)
    for (const auto& [time, value] : samples)
      out += family + "{" + labels + "} " + value + " " + std::to_string(time) + "\n";
}

}  // namespace

ResultMetric ResultMetricOf(const HistoryFigure& figure) {
  ResultMetric metric;
  std::string group(figure.group->name);
  if (figure.group->each) group.pop_back();  // routers: one number of all
  std::string path(figure.figure->path);
  if (const std::size_t star = path.find(".*"); star != std::string::npos) {
    path.erase(star, 2);
    metric.label = std::string(figure.figure->label.name) + "=\"" + std::string(figure.label) + "\"";
  }
  std::string name = "_" + group + "_" + path;
  for (char& c : name)
    if (c == '.') c = '_';
  for (const BaseUnit& unit : kBaseUnits) {
    if (!name.ends_with(unit.suffix)) continue;
    name.replace(name.size() - unit.suffix.size(), unit.suffix.size(), unit.base);
    metric.scale = unit.scale;
    break;
  }
  metric.family = "prefixmesh_result" + name;
  return metric;
}

Result<ExportFiles> OpenMetrics(const std::vector<RunLine>& runs) {
  std::string out;
  for (std::size_t first = 0; first < kHistoryFigureCount;) {
    const std::string family = ResultMetricOf(kHistoryFigures[first]).family;
    Series series;
    std::size_t next = first;
    for (; next < kHistoryFigureCount; ++next) {
      const ResultMetric metric = ResultMetricOf(kHistoryFigures[next]);
      if (metric.family != family) break;
      for (const RunLine& run : runs)
        if (run.figures[next])
          series[LabelsOf(run) + (metric.label.empty() ? "" : "," + metric.label)].emplace(
              run.started_unix_s, NumberText(*run.figures[next] * metric.scale));
    }
    Append(family,
           family.ends_with("_seconds") ? "seconds"
           : family.ends_with("_bytes") ? "bytes"
                                        : "",
           kHistoryFigures[first].figure->meaning, series, out);
    first = next;
  }
  Series ok, info;
  for (const RunLine& run : runs) {
    ok[LabelsOf(run)].emplace(run.started_unix_s, run.verdict == "ok" ? "1" : "0");
    info[LabelsOf(run) + ",run_id=\"" + run.run_id + "\",commit=\"" + Escaped(run.commit) + "\",dirty=\"" +
         (run.dirty ? "true" : "false") + "\",verdict=\"" + Escaped(run.verdict) + "\",night=\"" + Escaped(run.night) +
         "\""]
        .emplace(run.started_unix_s, "1");
  }
  Append("prefixmesh_result_run_ok", "", "1 when the verdict of the run is ok", ok, out);
  Append("prefixmesh_result_run_info", "", "1, with what the run was made of", info, out);
  Series changes;
  for (const LevelChange& change : LevelChanges(runs))
    changes["scenario=\"" + Escaped(change.scenario) + "\",strategy=\"" + Escaped(change.strategy) + "\",machine=\"" +
            Escaped(change.machine) + "\",figure=\"" + kHistoryFigures[change.figure].Name() + "\",verdict=\"" +
            std::string(HistoryVerdictName(change.verdict)) + "\""]
        .emplace(change.since_unix_s, "1");
  Append("prefixmesh_result_level_change", "", "1 at the first night of a new level of a figure", changes, out);
  return ExportFiles{{"runs.om", out + "# EOF\n"}};
}

}  // namespace prefixmesh::bench
