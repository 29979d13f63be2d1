// Stored runs over time: a panel per figure of the index (impl/figures/history_figures.h), by scenario and strategy.
#include <algorithm>

#include "bench/export/export.h"
#include "bench/nightly/history.h"
#include "bench/reproduction/original.h"
#include "dashboards/dashboards.h"
#include "dashboards/panels.h"

namespace prefixmesh::dashboards {
namespace {

constexpr std::string_view kChosen = R"(scenario=~"$scenario",strategy=~"$strategy")";
constexpr char kByRun[] = "{{scenario}} {{strategy}}";
constexpr char kNight[] = "1d";  // a point a night

std::string FoldText(const Figure& figure) {
  if (figure.fold == Fold::kLargest) return " Of the router that has most.";
  return figure.fold == Fold::kSum ? " Of all routers together." : "";
}

void AddQuery(const HistoryFigure& figure, std::string_view name, Panel& panel) {
  std::string legend = kByRun;
  if (!name.empty()) legend += " " + std::string(name);
  panel.queries.push_back({HistoryExpr(figure, kChosen, "$__interval", "scenario, strategy"), legend});
}

Panel PanelOf(const HistoryFigure& figure) {
  return {.title = HistoryTitle(figure, false),
          .description = Sentence(figure.figure->meaning) + FoldText(*figure.figure),
          .unit = HistoryUnit(figure),
          .queries = {},
          .step = kNight};
}

// What the original said of itself, as levels.
void AddOriginal(const Figure& figure, Panel& panel) {
  for (const bench::OriginalFigure& original : bench::kOriginal) {
    if (original.figure != &figure) continue;
    const auto add = [&](const char* legend, double value) {
      panel.queries.push_back({"vector(" + bench::NumberText(value) + ")", legend, true});
    };
    add("the original, before", original.before);
    add("the original, after", original.after);
    panel.log_scale = original.after > 0;
  }
}

// The warnings and, in the same panel, their kinds.
Panel Oversize() {
  Panel panel = PanelOf(kHistoryFigures[kHistoryOversize]);
  panel.title = "Oversize warnings by kind";
  AddQuery(kHistoryFigures[kHistoryOversize], "all", panel);
  for (const HistoryFigure& figure : kHistoryFigures)
    if (figure.figure == &RouterFigure("sync.oversize.*")) AddQuery(figure, figure.label, panel);
  AddOriginal(*kHistoryFigures[kHistoryOversize].figure, panel);
  return panel;
}

std::string RowTitleOf(const HistoryFigure& figure) {
  if (figure.group == &kLoadGroup) return "Load";
  if (figure.group == &kRoutingGroup || figure.group == &kWorkersGroup) return "Routing";
  if (figure.group == &kPlacementsGroup || figure.group == &kVisibilityGroup) return "Placements";
  if (figure.group == &kMachineGroup) return "The machine";
  if (figure.figure->path.starts_with("sync.")) return "Sync";
  return figure.figure->path.starts_with("decision") ? "Decisions" : "Memory and CPU of the routers";
}

std::vector<Row> HistoryRows() {
  std::vector<Row> rows = {{"The three figures that are judged first", {}}};
  for (const HistoryFigure& figure : kHistoryFigures) {
    const Figure& row = *figure.figure;
    if (&row == &RouterFigure("sync.oversize.*")) continue;  // beside the warnings
    const auto place = static_cast<std::size_t>(&figure - kHistoryFigures);
    if (place == kHistoryOversize) {
      rows[0].panels.push_back(Oversize());
      continue;
    }
    const bool first = place == kHistoryPeakRss || place == kHistoryBytesPerRound;
    const std::string title = first ? rows[0].title : RowTitleOf(figure);
    auto at = std::find_if(rows.begin(), rows.end(), [&](const Row& each) { return each.title == title; });
    if (at == rows.end()) at = rows.insert(at, Row{title, {}});
    // The labels of a figure share its panel.
    const bool another = place > 0 && kHistoryFigures[place - 1].figure == &row;
    if (!another) at->panels.push_back(PanelOf(figure));
    AddQuery(figure, figure.label, at->panels.back());
    if (!another) AddOriginal(row, at->panels.back());
  }
  return rows;
}

Row Verdicts() {
  const std::string ok = "min by (scenario, strategy) (min_over_time(prefixmesh_result_run_ok{" + std::string(kChosen) +
                         "}[$__interval]))";
  return {"Verdicts",
          {{.title = "Every run was ok",
            .description = "1 when the verdict of every run in that time is ok, 0 when any is not.",
            .unit = "short",
            .queries = {{ok, kByRun}},
            .step = kNight}}};
}

Annotation LevelChangesOf(bench::HistoryVerdict verdict, const char* name, const char* title, const char* color) {
  return {name,
          "last_over_time(prefixmesh_result_level_change{verdict=\"" + std::string(bench::HistoryVerdictName(verdict)) +
              "\"," + std::string(kChosen) + "}[1d])",
          title, kByRun, color};
}

}  // namespace

Dashboard HistoryDashboard() {
  std::vector<Row> rows = HistoryRows();
  rows.push_back(Verdicts());
  return {
      .uid = "prefixmesh-history",
      .title = "prefixmesh: history",
      .description = "Stored runs over time: the median of a day's last runs of each seed and machine.",
      .from = "now-90d",
      .refresh = {},
      .variables =
          {{"scenario", "Scenario", "label_values(prefixmesh_result_run_ok, scenario)", "reference"},
           {"strategy", "Strategy", "label_values(prefixmesh_result_run_ok{scenario=~\"$scenario\"}, strategy)", {}}},
      .annotations = {LevelChangesOf(bench::HistoryVerdict::kRegressed, "Regressions", "{{figure}} is worse", "red"),
                      LevelChangesOf(bench::HistoryVerdict::kImproved, "Improvements", "{{figure}} is better", "green"),
                      {"Runs that were not ok",
                       "last_over_time(prefixmesh_result_run_info{verdict!=\"ok\"," + std::string(kChosen) + "}[1d])",
                       "{{verdict}}", "{{scenario}} {{strategy}}: {{run_id}}, commit {{commit}}", "orange"}},
      .rows = std::move(rows)};
}

}  // namespace prefixmesh::dashboards
