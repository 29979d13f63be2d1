#include "bench/nightly/history.h"

#include <algorithm>
#include <map>
#include <span>
#include <tuple>

#include "bench/ab/statistics/bootstrap.h"
#include "bench/nightly/change_points.h"
#include "impl/figures/compared_figures.h"

namespace prefixmesh::bench {
namespace {

constexpr double kOtherFloorPercent = 5;

struct Night {
  std::string name, machine;
  std::vector<RunLine> runs;
};

// By night, in the order of time.
std::vector<Night> NightsOf(const std::vector<RunLine>& lines, const std::string& scenario,
                            const std::string& strategy) {
  std::vector<Night> nights;
  for (const RunLine& line : lines) {
    if (line.scenario != scenario || line.strategy != strategy || line.night.empty() || !line.comparable()) continue;
    if (nights.empty() || nights.back().name != line.night) nights.push_back({line.night, line.machine, {}});
    nights.back().runs.push_back(line);
  }
  return nights;
}

std::vector<ChangePoint> PointsOf(std::span<const double> series, double floor_percent) {
  return FindChangePoints(series, {.magnitude_min = floor_percent / 100});
}

bool IsKnown(const ChangePoint& point, const std::vector<ChangePoint>& known) {
  return std::any_of(known.begin(), known.end(), [&](const ChangePoint& each) {
    return (each.index > point.index ? each.index - point.index : point.index - each.index) <= 1;
  });
}

// A point per night that has the figure and was on this machine.
struct NightSeries {
  std::vector<double> values;
  std::vector<const Night*> nights;
};
NightSeries SeriesOf(const std::vector<Night>& nights, const std::string& machine, std::size_t figure) {
  NightSeries series;
  for (const Night& night : nights) {
    const std::vector<double> values = ValuesOf(night.runs, figure);
    if (values.empty() || night.machine != machine) continue;
    series.values.push_back(ab::Median(values));
    series.nights.push_back(&night);
  }
  return series;
}

HistoryVerdict VerdictOf(const ChangePoint& point, std::size_t figure) {
  const bool up = point.mean_after > point.mean_before;
  return up == (kHistoryFigures[figure].figure->better == Better::kLower) ? HistoryVerdict::kRegressed
                                                                          : HistoryVerdict::kImproved;
}

HistoryFinding Judge(const std::vector<Night>& nights, std::size_t figure) {
  HistoryFinding finding;
  finding.figure = figure;
  const NightSeries series = SeriesOf(nights, nights.back().machine, figure);
  finding.nights = series.values.size();
  if (nights.size() > 1 && nights[nights.size() - 2].machine != nights.back().machine) {
    finding.verdict = HistoryVerdict::kMachineChanged;
    return finding;
  }
  if (series.values.size() < kNightsMin) {
    finding.verdict = HistoryVerdict::kNotEnoughHistory;
    return finding;
  }
  const double floor = MagnitudeFloorPercent(kHistoryFigures[figure]);
  const std::vector<ChangePoint> now = PointsOf(series.values, floor);
  const std::vector<ChangePoint> before = PointsOf(std::span(series.values).first(series.values.size() - 1), floor);
  for (const ChangePoint& point : now) {
    if (IsKnown(point, before)) continue;
    finding.since = series.nights[point.index]->name;
    finding.before = point.mean_before;
    finding.after = point.mean_after;
    finding.verdict = VerdictOf(point, figure);
  }
  return finding;
}

}  // namespace

std::string_view HistoryVerdictName(HistoryVerdict verdict) {
  switch (verdict) {
    case HistoryVerdict::kUnchanged:
      return "unchanged";
    case HistoryVerdict::kRegressed:
      return "regressed";
    case HistoryVerdict::kImproved:
      return "improved";
    case HistoryVerdict::kNotEnoughHistory:
      return "not-enough-history";
    case HistoryVerdict::kMachineChanged:
      return "machine-changed";
  }
  return "";
}

double MagnitudeFloorPercent(const HistoryFigure& figure) {
  for (const std::span<const ComparedFigure> compared : {std::span(kSyncCompared), std::span(kRoutingCompared)})
    for (const ComparedFigure& each : compared)
      if (each.figure == figure.figure && each.label == figure.label) return each.threshold_percent;
  return kOtherFloorPercent;
}

std::vector<HistoryFinding> JudgeHistory(const std::vector<RunLine>& lines, std::string_view night) {
  std::map<std::pair<std::string, std::string>, bool> cells;
  for (const RunLine& line : lines)
    if (line.night == night && line.comparable()) cells[{line.scenario, line.strategy}] = true;
  std::vector<HistoryFinding> findings;
  for (const auto& [cell, present] : cells) {
    const std::vector<Night> nights = NightsOf(lines, cell.first, cell.second);
    for (std::size_t figure = 0; figure < kHistoryFigureCount; ++figure) {
      if (kHistoryFigures[figure].figure->better == Better::kNeither) continue;
      if (ValuesOf(nights.back().runs, figure).empty()) continue;
      HistoryFinding finding = Judge(nights, figure);
      finding.scenario = cell.first;
      finding.strategy = cell.second;
      findings.push_back(std::move(finding));
    }
  }
  return findings;
}

std::vector<LevelChange> LevelChanges(const std::vector<RunLine>& lines) {
  std::map<std::tuple<std::string, std::string, std::string>, bool> cells;
  for (const RunLine& line : lines)
    if (!line.night.empty() && line.comparable()) cells[{line.scenario, line.strategy, line.machine}] = true;
  std::vector<LevelChange> changes;
  for (const auto& [cell, present] : cells) {
    const auto& [scenario, strategy, machine] = cell;
    const std::vector<Night> nights = NightsOf(lines, scenario, strategy);
    for (std::size_t figure = 0; figure < kHistoryFigureCount; ++figure) {
      if (kHistoryFigures[figure].figure->better == Better::kNeither) continue;
      const NightSeries series = SeriesOf(nights, machine, figure);
      if (series.values.size() < kNightsMin) continue;
      for (const ChangePoint& point : PointsOf(series.values, MagnitudeFloorPercent(kHistoryFigures[figure])))
        changes.push_back({scenario, strategy, machine, figure, VerdictOf(point, figure),
                           series.nights[point.index]->runs.front().started_unix_s, point.mean_before,
                           point.mean_after});
    }
  }
  return changes;
}

}  // namespace prefixmesh::bench
