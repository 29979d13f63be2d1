#include "bench/ab/overview.h"

#include <algorithm>

#include "bench/ab/statistics/bootstrap.h"

namespace prefixmesh::bench::ab {
namespace {

const MetricResult* Find(const ArmComparison& comparison, const std::string& metric) {
  const auto at = std::find_if(comparison.metrics.begin(), comparison.metrics.end(),
                               [&](const MetricResult& each) { return each.metric.declared.name == metric; });
  return at != comparison.metrics.end() ? &*at : nullptr;
}

std::optional<double> MedianOf(const Experiment& experiment, std::size_t arm, std::size_t metric) {
  std::vector<double> values;
  for (const FinishedRun& run : experiment.runs) {
    if (run.scheduled.arm != arm || !run.facts.comparable()) continue;
    if (!run.facts.values[metric].has_value()) return std::nullopt;
    values.push_back(*run.facts.values[metric]);
  }
  if (values.empty()) return std::nullopt;
  return Median(values);
}

}  // namespace

Overview OverviewOf(const Experiment& experiment, const Analysis& analysis) {
  std::vector<const ArmComparison*> judged;
  for (const ArmComparison& comparison : analysis.comparisons)
    if (!comparison.beside) judged.push_back(&comparison);
  Overview overview;
  if (judged.size() < 2) return overview;
  overview.arms.push_back(judged.front()->base);
  for (const ArmComparison* comparison : judged) overview.arms.push_back(comparison->arm);

  const auto add = [&](const ReadableMetric& metric, auto&& value_of) {
    OverviewRow& row = overview.rows.emplace_back(OverviewRow{&metric, {}});
    for (std::size_t i = 0; i < overview.arms.size(); ++i) {
      const MetricResult* compared = i == 0 ? nullptr : Find(*judged[i - 1], metric.declared.name);
      row.cells.push_back({value_of(overview.arms[i]),
                           compared == nullptr ? std::nullopt : std::optional(compared->comparison.verdict)});
    }
  };
  const std::vector<ReadableMetric>& metrics = experiment.request.metrics;
  for (std::size_t m = 0; m < metrics.size(); ++m)
    add(metrics[m], [&](std::size_t arm) { return MedianOf(experiment, arm, m); });
  const ReadableMetric& killed = KilledMetric();
  if (std::any_of(judged.begin(), judged.end(),
                  [&](const ArmComparison* each) { return Find(*each, killed.declared.name) != nullptr; }))
    add(killed, [&](std::size_t arm) { return std::optional(static_cast<double>(analysis.arms[arm].killed)); });
  return overview;
}

std::string InOneSentence(const Experiment& experiment, const ArmComparison& comparison) {
  std::string better, worse;
  std::size_t equal = 0, unjudged = 0, unlike = 0;
  const auto name = [](std::string& names, std::string_view each) {
    names += (names.empty() ? "" : ", ") + std::string(each);
  };
  for (const GuardResult& each : comparison.guards)
    if (each.regressed()) name(worse, each.guard->name);
  for (const MetricResult& each : comparison.metrics) {
    const MetricVerdict verdict = each.comparison.verdict;
    if (verdict == MetricVerdict::kImproved) name(better, each.metric.declared.name);
    if (verdict == MetricVerdict::kRegressed) name(worse, each.metric.declared.name);
    equal += verdict == MetricVerdict::kUnchanged ? 1 : 0;
    unjudged += verdict == MetricVerdict::kUnstable || verdict == MetricVerdict::kNotEnoughPairs ? 1 : 0;
    unlike += verdict == MetricVerdict::kNotComparable ? 1 : 0;
  }
  const auto arm = [&](std::size_t i) {
    return experiment.request.arms[i].name + " (" + experiment.request.arms[i].text + ")";
  };
  if (comparison.pairs == 0)
    return "Nothing was compared: there is no pair of " + arm(comparison.base) + " and " + arm(comparison.arm) +
           " that can be.";
  std::string tail = ", no verdict at " + std::to_string(unjudged);
  if (unlike > 0) tail += ", not comparable at " + std::to_string(unlike);
  if (!comparison.not_compared.empty()) tail += ", not compared " + std::to_string(comparison.not_compared.size());
  tail += ".";
  if (better.empty() && worse.empty() && equal == 0)
    return "Nothing is decided between " + arm(comparison.base) + " and " + arm(comparison.arm) + tail;
  tail = "; no difference at " + std::to_string(equal) + tail;
  if (better.empty() && worse.empty())
    return arm(comparison.arm) + " is neither better nor worse than " + arm(comparison.base) + tail;
  return arm(comparison.arm) + " is " +
         (better.empty() ? "" : "better than " + arm(comparison.base) + " at " + better) +
         (better.empty() || worse.empty() ? "" : ", ") +
         (worse.empty()    ? ""
          : better.empty() ? "worse than " + arm(comparison.base) + " at " + worse
                           : "worse at " + worse) +
         tail;
}

}  // namespace prefixmesh::bench::ab
