#include "bench/ab/analysis.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace prefixmesh::bench::ab {
namespace {

RunTable TableOf(const Experiment& experiment) {
  RunTable table(experiment.request.pairs, std::vector<const RunFacts*>(experiment.request.arms.size(), nullptr));
  for (const FinishedRun& run : experiment.runs) table[run.scheduled.pair - 1][run.scheduled.arm] = &run.facts;
  return table;
}

AbVerdict Overall(const Analysis& analysis) {
  std::set<MetricVerdict> seen;
  bool guard_broken = false, unstable = false;
  for (const ArmComparison& comparison : analysis.comparisons) {
    if (comparison.beside) continue;
    for (const MetricResult& each : comparison.metrics) {
      seen.insert(each.comparison.verdict);
      unstable = unstable || (each.failing && each.comparison.verdict == MetricVerdict::kNotComparable);
    }
    for (const GuardResult& each : comparison.guards) {
      guard_broken = guard_broken || each.regressed();
      unstable = unstable || each.verdict == "unstable";
    }
  }
  const bool untrusted =
      std::any_of(analysis.arms.begin(), analysis.arms.end(), [](const ArmSummary& arm) { return arm.untrusted > 0; });
  if (guard_broken || seen.count(MetricVerdict::kRegressed) > 0) return AbVerdict::kRegressed;
  if (untrusted) return AbVerdict::kUntrusted;
  if (seen.empty() || seen.count(MetricVerdict::kNotEnoughPairs) > 0) return AbVerdict::kNotEnoughPairs;
  if (unstable || seen.count(MetricVerdict::kUnstable) > 0) return AbVerdict::kUnstable;
  return seen.count(MetricVerdict::kImproved) > 0 ? AbVerdict::kImproved : AbVerdict::kUnchanged;
}

// What an arm's runs are no success at, whatever the comparison says: both may be alike in it.
void AddFailures(const Experiment& experiment, std::size_t arm, Analysis& analysis) {
  std::map<std::string, std::size_t> missed;
  std::vector<double> failing;
  for (const FinishedRun& run : experiment.runs) {
    if (run.scheduled.arm != arm) continue;
    analysis.arms[arm].missed += run.facts.missed.empty() ? 0 : 1;
    for (const std::string& objective : run.facts.missed) ++missed[objective];
    if (const auto failed = FailedShare(run.facts.guards); failed && *failed > kFailedShareMax)
      failing.push_back(*failed);
  }
  const std::string of =
      " of " + std::to_string(analysis.arms[arm].runs) + " runs of arm " + experiment.request.arms[arm].name;
  if (!failing.empty())
    analysis.notes.push_back("more than 1 % of the requests failed in " + std::to_string(failing.size()) + of +
                             ", up to " +
                             QuantityText(Quantity::kShare, *std::max_element(failing.begin(), failing.end())));
  std::string names;
  for (const auto& [objective, runs] : missed)
    names += (names.empty() ? "" : ", ") + ("'" + objective + "' in " + std::to_string(runs));
  if (!missed.empty())
    analysis.notes.push_back("objectives missed in " + std::to_string(analysis.arms[arm].missed) + of + ": " + names);
}

// Runs that are not what they should be, each said once.
void AddMarks(const Experiment& experiment, const RunTable& table, Analysis& analysis) {
  const std::vector<Arm>& arms = experiment.request.arms;
  std::set<std::string> machines;
  std::vector<std::set<std::string>> builds(DifferentBuilds(arms) ? arms.size() : 1);  // of all, or of each arm
  bool dirty = false;
  for (const FinishedRun& run : experiment.runs) {
    const RunFacts& facts = run.facts;
    ArmSummary& arm = analysis.arms[run.scheduled.arm];
    ++arm.runs;
    machines.insert(facts.machine);
    builds[builds.size() == 1 ? 0 : run.scheduled.arm].insert(facts.build);
    dirty = dirty || facts.dirty;
    arm.killed += facts.killed() ? 1 : 0;
    arm.untrusted += facts.killed() || facts.comparable() ? 0 : 1;
    if (facts.killed() || !facts.comparable())
      analysis.notes.push_back("pair " + std::to_string(run.scheduled.pair) + ", arm " + arms[run.scheduled.arm].name +
                               (facts.killed() ? " was killed: " : " is untrusted: ") + facts.why +
                               "; its figures are not compared");
  }
  for (std::size_t arm = 0; arm < arms.size(); ++arm) AddFailures(experiment, arm, analysis);
  for (std::size_t pair = 0; pair < table.size(); ++pair) {
    std::set<std::string> plans;
    for (const RunFacts* run : table[pair])
      if (run != nullptr) plans.insert(run->plan_fingerprint);
    analysis.plan_fingerprints.push_back(plans.empty() ? "" : *plans.begin());
    if (plans.size() > 1)
      analysis.notes.push_back("pair " + std::to_string(pair + 1) + ": the arms ran different plans; not compared");
  }
  if (machines.size() > 1)
    analysis.notes.push_back("the runs come from different machines; such pairs are not compared");
  for (const std::set<std::string>& each : builds)
    if (each.size() > 1)
      analysis.notes.push_back(builds.size() == 1 ? "the runs come from different builds; such pairs are not compared"
                                                  : "an arm's runs come from more than one build");
  if (dirty)
    analysis.notes.push_back("built from a tree with uncommitted changes: the commit does not say what was measured");
}

}  // namespace

std::string_view AbVerdictName(AbVerdict verdict) {
  switch (verdict) {
    case AbVerdict::kRegressed:
      return "regressed";
    case AbVerdict::kUntrusted:
      return "untrusted";
    case AbVerdict::kNotEnoughPairs:
      return "not_enough_pairs";
    case AbVerdict::kUnstable:
      return "unstable";
    case AbVerdict::kImproved:
      return "improved";
    case AbVerdict::kUnchanged:
      return "unchanged";
  }
  return "unknown";
}

int AbExitCode(AbVerdict verdict) {
  switch (verdict) {
    case AbVerdict::kRegressed:
      return 1;
    case AbVerdict::kUntrusted:
    case AbVerdict::kNotEnoughPairs:
    case AbVerdict::kUnstable:
      return 3;
    case AbVerdict::kImproved:
    case AbVerdict::kUnchanged:
      return 0;
  }
  return 1;
}

Analysis Analyse(const Experiment& experiment) {
  const std::vector<Arm>& arms = experiment.request.arms;
  const RunTable table = TableOf(experiment);
  Analysis analysis;
  analysis.arms.resize(arms.size());
  analysis.notes = experiment.notes;
  AddMarks(experiment, table, analysis);
  const auto compare = [&](std::size_t base, std::size_t arm, bool shown_only) {
    ArmComparison comparison = CompareArms(experiment.request, table, base, arm);
    if (comparison.pairs < kPairsMin)
      analysis.notes.push_back(arms[arm].name + " against " + arms[base].name + ": " + TooFewPairs(comparison.pairs));
    comparison.beside = shown_only;
    analysis.comparisons.push_back(std::move(comparison));
  };
  std::vector<std::size_t> beside;
  for (std::size_t arm = 1; arm < arms.size(); ++arm) {
    if (arms[arm].beside) {
      beside.push_back(arm);
    } else {
      compare(0, arm, false);
    }
  }
  if (beside.size() == 2) compare(beside[0], beside[1], true);  // what the index kind alone changes
  analysis.null_experiment = std::all_of(arms.begin(), arms.end(), [&](const Arm& arm) {
    return arm.strategy == arms[0].strategy && arm.build == arms[0].build &&
           load::SettingsToJson(arm.settings) == load::SettingsToJson(arms[0].settings);
  });
  const std::size_t named = arms.size() - beside.size();
  if (named > 2)
    analysis.notes.push_back(std::to_string(named - 1) +
                             " arms are compared with arm A; Holm's correction is over the "
                             "metrics of one comparison, so a false call somewhere is up to " +
                             std::to_string(named - 1) + " times as likely as in one");
  analysis.verdict = Overall(analysis);
  return analysis;
}

}  // namespace prefixmesh::bench::ab
