#include "bench/ab/ab_table.h"

#include <cstdio>

#include "bench/ab/ladder.h"
#include "bench/ab/overview.h"
#include "bench/ab/table_text.h"
#include "bench/text/safe_text.h"

namespace prefixmesh::bench::ab {
namespace {

std::string IntervalText(const MetricComparison& c) {
  if (c.pairs < kIntervalPairsMin || (!c.ci_low.has_value() && !c.ci_high.has_value())) return "";
  const auto end = [](const std::optional<double>& v) { return v.has_value() ? ChangeText(v) : "infinite"; };
  return "    95 % interval " + end(c.ci_low) + " .. " + end(c.ci_high) + "\n";
}

std::string Row(const MetricResult& each) {
  const MetricComparison& c = each.comparison;
  char p[16] = "-";
  if (c.p_holm.has_value()) std::snprintf(p, sizeof p, "%.3f", *c.p_holm);
  const bool said_below =
      c.verdict == MetricVerdict::kNotEnoughPairs && each.missing_a + each.missing_b == 0;  // of the whole comparison
  const std::string change = c.pairs == 0 ? "-" : ChangeText(c.median_change);
  return Left(TerminalText(each.metric.declared.name, kNameColumns - 1), kNameColumns) +
         Right(ValueText(each.metric, each.median_a), kValueColumns) +
         Right(ValueText(each.metric, each.median_b), kValueColumns) + Right(change, 9) + Right(p, 6) + "  " +
         Words(MetricVerdictName(c.verdict)) + "\n" + IntervalText(c) +
         (said_below || each.reason.empty() ? "" : Wrapped("  " + each.reason));
}

// Many metrics are not comparable for one reason: it is said once.
std::string Rows(const ArmComparison& comparison) {
  std::string out;
  std::vector<std::string> reasons;
  for (MetricResult each : comparison.metrics) {
    if (each.comparison.verdict == MetricVerdict::kNotComparable && !each.failing) {
      if (std::find(reasons.begin(), reasons.end(), each.reason) == reasons.end()) reasons.push_back(each.reason);
      each.reason.clear();
    }
    out += Row(each);
  }
  for (const std::string& reason : reasons) out += Wrapped("not comparable: " + reason);
  return out;
}

std::string GuardRow(const GuardResult& each) {
  const auto value = [&](const std::optional<double>& v) {
    return TerminalText(QuantityText(each.guard->quantity, v), kValueColumns - 1);
  };
  const bool shown = each.difference && each.worst == each.difference;  // the median's own line says it
  return Left("guard: " + std::string(each.guard->name), kNameColumns) + Right(value(each.median_a), kValueColumns) +
         Right(value(each.median_b), kValueColumns) + Right(DifferenceText(*each.guard, each.difference), 15) + "  " +
         Words(each.verdict) + "\n" + (shown ? "" : Wrapped("  " + WorseText(each)));
}

constexpr char kMarks[] =
    "+ improved  - regressed  = unchanged  ~ unstable  ? not enough pairs  x not comparable  . not compared";

char Mark(const OverviewCell& cell) {
  if (!cell.verdict.has_value()) return '.';
  switch (*cell.verdict) {
    case MetricVerdict::kImproved:
      return '+';
    case MetricVerdict::kRegressed:
      return '-';
    case MetricVerdict::kUnchanged:
      return '=';
    case MetricVerdict::kUnstable:
      return '~';
    case MetricVerdict::kNotEnoughPairs:
      return '?';
    case MetricVerdict::kNotComparable:
      return 'x';
  }
  return '?';
}

// A mark per metric and arm.
std::string OverviewText(const Experiment& experiment, const Analysis& analysis) {
  const Overview overview = OverviewOf(experiment, analysis);
  if (overview.arms.empty()) return "";
  const std::vector<Arm>& arms = experiment.request.arms;
  std::string head, names;
  for (std::size_t i = 1; i < overview.arms.size(); ++i) {
    const Arm& arm = arms[overview.arms[i]];
    head += Right(arm.name, 3);
    names += (names.empty() ? "" : ", ") + arm.name + " " + arm.text;
  }
  std::string out = "\n" + Left("all against " + arms[overview.arms.front()].name, kNameColumns) + head + "\n";
  for (const OverviewRow& row : overview.rows) {
    out += Left(TerminalText(row.metric->declared.name, kNameColumns - 1), kNameColumns);
    for (std::size_t i = 1; i < row.cells.size(); ++i) out += Right(std::string(1, Mark(row.cells[i])), 3);
    out += "\n";
  }
  return out + Wrapped(kMarks) + Wrapped(names);
}

// A line per step, the arms in it: "  routers: A 12.3, B 0.4".
std::string LadderLines(const Experiment& experiment) {
  std::string out;
  for (const LadderMedians& each : LaddersOf(experiment)) {
    std::string line = std::string(each.row.name) + ": ";
    for (std::size_t arm = 0; arm < each.by_arm.size(); ++arm) {
      char points[32] = "-";
      if (each.by_arm[arm]) std::snprintf(points, sizeof points, "%.1f", *each.by_arm[arm] * 100);
      line += (arm > 0 ? ", " : "") + experiment.request.arms[arm].name + " " + points;
    }
    out += Wrapped(line);
  }
  return out.empty() ? "" : "\nhit rate: points lost at each step, and gained by sync; medians\n" + out;
}

}  // namespace

std::string RenderAbTable(const Experiment& experiment, const Analysis& analysis) {
  const ExperimentRequest& request = experiment.request;
  std::string out = TerminalText(request.arms.front().settings.scenario, 40) + ": " + std::to_string(request.pairs) +
                    (request.pairs == 1 ? " pair" : " pairs") + ", seed " + std::to_string(request.seed) + "\n";
  if (analysis.null_experiment)
    out += "The same arm twice: this is the machine's noise, so any reported difference\nis a false alarm.\n";
  for (std::size_t i = 0; i < request.arms.size(); ++i) {
    const ArmSummary& arm = analysis.arms[i];
    out += "  " + request.arms[i].name + "  " + TerminalText(request.arms[i].text, 50) + " (" +
           request.arms[i].index_kind + " index)" + (request.arms[i].beside ? " beside" : "");
    if (arm.killed > 0) out += ", killed " + std::to_string(arm.killed) + "x";
    if (arm.untrusted > 0) out += ", untrusted " + std::to_string(arm.untrusted) + "x";
    if (arm.missed > 0) out += ", objectives missed " + std::to_string(arm.missed) + "x";
    out += "\n";
  }
  for (const ArmComparison& comparison : analysis.comparisons) {
    const std::string &base = request.arms[comparison.base].name, &arm = request.arms[comparison.arm].name;
    out += "\n" + Left(arm + " against " + base + (comparison.beside ? " (beside)" : ""), kNameColumns) +
           Right(base, kValueColumns) + Right(arm, kValueColumns) + Right("change", 9) + Right("p", 6) + "\n";
    for (const GuardResult& each : comparison.guards) out += GuardRow(each);
    out += Rows(comparison);
    for (const NotCompared& each : comparison.not_compared)
      out += Wrapped("not compared: " + each.metric + ", " + each.reason);
  }
  out += OverviewText(experiment, analysis) + LadderLines(experiment);
  out += "\nmedians over pairs; change = the pairs' median; p after Holm\n";
  for (const ArmComparison& comparison : analysis.comparisons)
    if (!comparison.beside) out += Wrapped(InOneSentence(experiment, comparison));
  for (const std::string& note : analysis.notes) out += Wrapped("note: " + note);
  return out + "verdict: " + Words(AbVerdictName(analysis.verdict)) + "\n";
}

}  // namespace prefixmesh::bench::ab
