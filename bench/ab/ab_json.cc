#include "bench/ab/ab_json.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "bench/ab/ladder.h"

namespace prefixmesh::bench::ab {
namespace {

using Json = nlohmann::ordered_json;

Json OrNull(const std::optional<double>& value) { return value.has_value() ? Json(*value) : Json(nullptr); }

Json ArmJson(const Experiment& experiment, const Analysis& analysis, std::size_t i) {
  const Arm& arm = experiment.request.arms[i];
  Json ladder = Json::object();
  for (const LadderMedians& each : LaddersOf(experiment)) {
    std::string name(each.row.name);
    std::replace(name.begin(), name.end(), ' ', '_');
    ladder[name] = OrNull(each.by_arm[i]);
  }
  return {{"name", arm.name},
          {"arm", arm.text},
          {"strategy", arm.strategy},
          {"index_kind", arm.index_kind},
          {"beside", arm.beside},
          {"runs", analysis.arms[i].runs},
          {"killed", analysis.arms[i].killed},
          {"untrusted", analysis.arms[i].untrusted},
          {"objectives_missed", analysis.arms[i].missed},
          {"ladder", ladder}};
}

Json MetricJson(const Experiment& experiment, const ArmComparison& comparison, const MetricResult& each) {
  const MetricComparison& c = each.comparison;
  return {{"name", each.metric.declared.name},
          {"value", each.metric.declared.value},
          {"better", each.metric.declared.lower_is_better ? "lower" : "higher"},
          {"arm", experiment.request.arms[comparison.arm].name},
          {"against", experiment.request.arms[comparison.base].name},
          {"pairs", c.pairs},
          {"median_arm", OrNull(each.median_b)},
          {"median_against", OrNull(each.median_a)},
          {"median_change", OrNull(c.median_change)},
          {"ci_low", OrNull(c.ci_low)},
          {"ci_high", OrNull(c.ci_high)},
          {"p", OrNull(c.p)},
          {"p_holm", OrNull(c.p_holm)},
          {"effect", c.pairs > 0 ? Json(c.effect) : Json(nullptr)},
          {"threshold", each.metric.declared.threshold_percent / 100},
          {"verdict", MetricVerdictName(c.verdict)},
          {"reason", each.reason.empty() ? Json(nullptr) : Json(each.reason)}};
}

Json GuardJson(const Experiment& experiment, const ArmComparison& comparison, const GuardResult& each) {
  return {{"name", each.guard->name},
          {"rule", each.guard->rule},
          {"arm", experiment.request.arms[comparison.arm].name},
          {"against", experiment.request.arms[comparison.base].name},
          {"pairs", each.pairs},
          {"median_arm", OrNull(each.median_b)},
          {"median_against", OrNull(each.median_a)},
          {"median_difference", OrNull(each.difference)},
          {"pairs_worse", each.pairs_worse},
          {"worst_difference", OrNull(each.worst)},
          {"verdict", each.verdict}};
}

Json RunJson(const Experiment& experiment, const FinishedRun& run) {
  Json values = Json::object();
  for (std::size_t m = 0; m < experiment.request.metrics.size(); ++m)
    values[experiment.request.metrics[m].declared.name] = OrNull(run.facts.values[m]);
  return {{"pair", run.scheduled.pair},
          {"arm", experiment.request.arms[run.scheduled.arm].name},
          {"seed", run.scheduled.workload_seed},
          {"run_id", run.facts.run_id},
          {"verdict", run.facts.verdict},
          {"trusted", run.facts.trusted},
          {"values", values}};
}

}  // namespace

Json AbJson(const Experiment& experiment, const Analysis& analysis) {
  const ExperimentRequest& request = experiment.request;
  Json arms = Json::array(), metrics = Json::array(), beside = Json::array(), runs = Json::array(),
       not_compared = Json::array(), guards = Json::array();
  for (std::size_t i = 0; i < request.arms.size(); ++i) arms.push_back(ArmJson(experiment, analysis, i));
  for (const ArmComparison& comparison : analysis.comparisons) {
    for (const MetricResult& each : comparison.metrics)
      (comparison.beside ? beside : metrics).push_back(MetricJson(experiment, comparison, each));
    if (!comparison.beside)
      for (const GuardResult& each : comparison.guards) guards.push_back(GuardJson(experiment, comparison, each));
    for (const NotCompared& each : comparison.not_compared)
      not_compared.push_back({{"name", each.metric},
                              {"arm", request.arms[comparison.arm].name},
                              {"against", request.arms[comparison.base].name},
                              {"reason", each.reason}});
  }
  for (const FinishedRun& run : experiment.runs) runs.push_back(RunJson(experiment, run));
  const RunFacts* first = experiment.runs.empty() ? nullptr : &experiment.runs.front().facts;
  return {{"schema_version", 1},
          {"scenario", request.arms.front().settings.scenario},
          {"arms", arms},
          {"pairs", request.pairs},
          {"seed", request.seed},
          {"plan_fingerprints", analysis.plan_fingerprints},
          {"mixed_index", MixedIndex(request.arms)},
          {"mixed_policy", MixedPolicy(request.arms)},
          {"null_experiment", analysis.null_experiment},
          {"machine", first != nullptr ? Json(first->machine) : Json(nullptr)},
          {"build", first != nullptr ? Json(first->build) : Json(nullptr)},
          {"guards", guards},
          {"metrics", metrics},
          {"not_compared", not_compared},
          {"beside", beside},
          {"runs", runs},
          {"notes", analysis.notes},
          {"verdict", AbVerdictName(analysis.verdict)}};
}

}  // namespace prefixmesh::bench::ab
