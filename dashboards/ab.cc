// Stored runs of two strategies in one scenario: the three figures first, then what no strategy may get worse at, then
// what `prefixmesh ab` compares of sync and of routing. Beside the lines stands how the last of B differ from the last
// of A; whether that is more than noise is for `prefixmesh ab` to say.
#include <set>
#include <span>

#include "dashboards/dashboards.h"
#include "dashboards/panels.h"
#include "impl/figures/compared_figures.h"

namespace prefixmesh::dashboards {
namespace {

constexpr std::string_view kOfA = R"(scenario="$scenario",strategy="$a")";
constexpr std::string_view kOfB = R"(scenario="$scenario",strategy="$b")";
constexpr int kLinesColumns = 9, kNumberColumns = 3;

constexpr std::size_t kGuarded[] = {
    HistoryIndex("load", "failed_share"),
    HistoryIndex("placements", "applied_share"),
    HistoryIndex("placements", "lost"),
};

Panel BothLines(const HistoryFigure& figure, const std::string& title) {
  return {.title = title,
          .description = Sentence(figure.figure->meaning),
          .unit = HistoryUnit(figure),
          .queries = {{HistoryExpr(figure, kOfA, "$__interval", {}), "A: $a"},
                      {HistoryExpr(figure, kOfB, "$__interval", {}), "B: $b"}},
          .columns = kLinesColumns,
          .step = "1h"};
}

// A count that is 0 in a sound run has no ratio.
Panel Difference(const HistoryFigure& figure, const std::string& title, bool relative) {
  const std::string a = HistoryExpr(figure, kOfA, "$__range", {}), b = HistoryExpr(figure, kOfB, "$__range", {});
  std::string better = figure.figure->better == Better::kLower ? " Lower is better." : " Higher is better.";
  return {.title = title + (relative ? ", B against A" : ", B less A"),
          .description =
              (relative ? "B / A - 1, of the medians of the last runs." : "B - A, of the medians of the last runs.") +
              better,
          .unit = relative ? "percentunit" : HistoryUnit(figure),
          .queries = {{relative ? b + " / " + a + " - 1" : b + " - " + a, "B against A"}},
          .columns = kNumberColumns,
          .number = true};
}

void AddBoth(const HistoryFigure& figure, bool relative, Row& row) {
  const std::string title = HistoryTitle(figure, true);
  row.panels.push_back(BothLines(figure, title));
  row.panels.push_back(Difference(figure, title, relative));
}

}  // namespace

Dashboard AbDashboard() {
  Row three{"The three figures that are judged first", {}}, guards{"What may not get worse", {}},
      sync{"What sync costs and brings", {}}, routing{"What users feel of routing", {}};
  AddBoth(kHistoryFigures[kHistoryPeakRss], true, three);
  AddBoth(kHistoryFigures[kHistoryBytesPerRound], true, three);
  for (const HistoryFigure& figure : kHistoryFigures)
    if (figure.figure == &RouterFigure("sync.oversize_warnings") || figure.figure == &RouterFigure("sync.oversize.*"))
      AddBoth(figure, false, three);
  for (const std::size_t index : kGuarded) AddBoth(kHistoryFigures[index], false, guards);
  std::set<const HistoryFigure*> shown = {&kHistoryFigures[kHistoryPeakRss]};
  const auto add = [&shown](std::span<const ComparedFigure> compared, Row& row) {
    for (const ComparedFigure& each : compared)
      for (const HistoryFigure& figure : kHistoryFigures)
        if (figure.figure == each.figure && figure.label == each.label && shown.insert(&figure).second)
          AddBoth(figure, true, row);
  };
  add(kSyncCompared, sync);
  add(kRoutingCompared, routing);
  const auto strategies = [](const char* name, const char* label, const char* initial) {
    return Variable{name, label, "label_values(prefixmesh_result_run_ok{scenario=\"$scenario\"}, strategy)", initial,
                    false};
  };
  return {
      .uid = "prefixmesh-ab",
      .title = "prefixmesh: A and B",
      .description = "Stored runs of two strategies in one scenario.",
      .from = "now-30d",
      .refresh = {},
      .variables = {{"scenario", "Scenario", "label_values(prefixmesh_result_run_ok, scenario)", "reference", false},
                    strategies("a", "A", "raw-ops"),
                    strategies("b", "B", "two-layer")},
      .annotations = {},
      .rows = {three, guards, sync, routing}};
}

}  // namespace prefixmesh::dashboards
