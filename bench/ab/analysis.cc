#include "bench/ab/analysis.h"

#include <algorithm>
#include <set>

#include "bench/ab/statistics/bootstrap.h"

namespace prefixmesh::bench::ab {
namespace {

// facts[pair][arm]; null where a run is missing, which RunExperiment never leaves.
using Table = std::vector<std::vector<const RunFacts*>>;

Table TableOf(const Experiment& experiment) {
  Table table(experiment.request.pairs, std::vector<const RunFacts*>(experiment.request.arms.size(), nullptr));
  for (const FinishedRun& run : experiment.runs) table[run.scheduled.pair - 1][run.scheduled.arm] = &run.facts;
  return table;
}

// Why a pair cannot be compared; empty: it can.
std::string Obstacle(const RunFacts* a, const RunFacts* b) {
  if (a == nullptr || b == nullptr) return "a run is missing";
  for (const RunFacts* each : {a, b}) {
    if (each->killed()) return "killed";
    if (!each->comparable()) return "untrusted";
  }
  if (a->plan_fingerprint != b->plan_fingerprint || a->plan_fingerprint.empty()) return "different plans";
  if (a->machine != b->machine) return "different machines";
  if (a->build != b->build) return "different builds";
  return "";
}

std::string Count(std::size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string TooFewPairs(std::size_t pairs) {
  return Count(pairs, "usable pair") + "; a verdict needs " + std::to_string(kPairsMin);
}

class Comparer {
 public:
  Comparer(const Experiment& experiment, const Table& table, std::size_t base, std::size_t arm)
      : request_(experiment.request), table_(table) {
    out_.base = base;
    out_.arm = arm;
    for (const auto& row : table_) obstacles_.push_back(Obstacle(row[base], row[arm]));
  }

  std::size_t usable() const {
    return static_cast<std::size_t>(std::count(obstacles_.begin(), obstacles_.end(), std::string()));
  }

  ArmComparison Compare() {
    for (std::size_t m = 0; m < request_.metrics.size(); ++m) AddDeclared(m);
    if (std::find(obstacles_.begin(), obstacles_.end(), "killed") != obstacles_.end()) AddKilled();
    std::vector<MetricPairs> family;
    for (const MetricResult& each : out_.metrics) family.push_back(PairsOf(each));
    const std::vector<MetricComparison> compared = CompareFamily(family, request_.seed);
    JudgeAll();
    for (std::size_t m = 0; m < family.size(); ++m) {
      MetricResult& each = out_.metrics[m];
      each.comparison = compared[m];
      if (!family[m].a.empty()) {
        each.median_a = Median(family[m].a);
        each.median_b = Median(family[m].b);
      }
      if (each.reason.empty()) each.reason = ReasonOf(each);
      const std::string why_not = WhyNotComparable(each.metric, out_.guards);
      if (why_not.empty() || each.unmeasured || each.comparison.verdict == MetricVerdict::kNotEnoughPairs) continue;
      each.comparison.verdict = MetricVerdict::kNotComparable;
      each.reason = why_not;
    }
    return std::move(out_);
  }

 private:
  void JudgeAll() {
    std::vector<std::pair<const GuardValues*, const GuardValues*>> pairs;
    for (std::size_t pair = 0; pair < table_.size(); ++pair)
      if (obstacles_[pair].empty())
        pairs.emplace_back(&table_[pair][out_.base]->guards, &table_[pair][out_.arm]->guards);
    out_.guards = JudgeGuards(pairs);
  }

  void AddDeclared(std::size_t m) {
    MetricResult each{request_.metrics[m], {}, {}, {}, {}, {}, false};
    std::size_t missing_a = 0, missing_b = 0, usable = 0;
    for (std::size_t pair = 0; pair < table_.size(); ++pair) {
      const RunFacts *a = table_[pair][out_.base], *b = table_[pair][out_.arm];
      PairPoint point{pair + 1, a != nullptr ? a->values[m] : std::nullopt, b != nullptr ? b->values[m] : std::nullopt,
                      false};
      if (obstacles_[pair].empty()) {
        ++usable;
        missing_a += point.a.has_value() ? 0 : 1;
        missing_b += point.b.has_value() ? 0 : 1;
        point.used = true;
      }
      each.points.push_back(point);
    }
    const std::string arm_a = request_.arms[out_.base].name, arm_b = request_.arms[out_.arm].name;
    if (usable > 0 && missing_a == usable && missing_b == usable) {
      out_.not_compared.push_back({each.metric.declared.name, "not measured in any run of " + arm_a + " or " + arm_b});
      return;
    }
    if (missing_a + missing_b > 0) {
      each.unmeasured = true;
      const auto where = [&](const std::string& arm, std::size_t missing) {
        return missing == 0 ? "" : arm + " in " + std::to_string(missing) + " of " + Count(usable, "pair");
      };
      const std::string in_a = where(arm_a, missing_a), in_b = where(arm_b, missing_b);
      each.reason = "not measured for " + in_a + (in_a.empty() || in_b.empty() ? "" : " and ") + in_b +
                    "; the runs' notes say why";
      for (PairPoint& point : each.points) point.used = false;
    }
    out_.metrics.push_back(std::move(each));
  }

  // Alive or not can be compared whatever became of the other figures.
  void AddKilled() {
    MetricResult each{KilledMetric(), {}, {}, {}, {}, {}, false};
    for (std::size_t pair = 0; pair < table_.size(); ++pair) {
      const RunFacts *a = table_[pair][out_.base], *b = table_[pair][out_.arm];
      const bool same = obstacles_[pair].empty() || (obstacles_[pair] == "killed" && Whole(*a) && Whole(*b) &&
                                                     a->plan_fingerprint == b->plan_fingerprint &&
                                                     a->machine == b->machine && a->build == b->build);
      each.points.push_back({pair + 1, a != nullptr ? std::optional(a->killed() ? 1.0 : 0.0) : std::nullopt,
                             b != nullptr ? std::optional(b->killed() ? 1.0 : 0.0) : std::nullopt, same});
    }
    out_.metrics.push_back(std::move(each));
  }

  static bool Whole(const RunFacts& run) { return run.killed() || run.comparable(); }

  static MetricPairs PairsOf(const MetricResult& each) {
    MetricPairs pairs{{}, {}, each.metric.declared.lower_is_better, each.metric.declared.threshold_percent};
    for (const PairPoint& point : each.points) {
      if (!point.used) continue;
      pairs.a.push_back(*point.a);
      pairs.b.push_back(*point.b);
    }
    return pairs;
  }

  static std::string ReasonOf(const MetricResult& each) {
    if (each.comparison.verdict == MetricVerdict::kNotEnoughPairs) return TooFewPairs(each.comparison.pairs);
    if (each.comparison.one_sided_zeros > 0)
      return "0 in one arm only in " + Count(each.comparison.one_sided_zeros, "pair") +
             ": no percentage; tested on signed ranks";
    return "";
  }

  const ExperimentRequest& request_;
  const Table& table_;
  ArmComparison out_;
  std::vector<std::string> obstacles_;
};

AbVerdict Overall(const Analysis& analysis) {
  std::set<MetricVerdict> seen;
  bool guard_broken = false;
  for (const ArmComparison& comparison : analysis.comparisons) {
    if (comparison.beside) continue;
    for (const MetricResult& each : comparison.metrics) seen.insert(each.comparison.verdict);
    for (const GuardResult& each : comparison.guards) guard_broken = guard_broken || each.regressed();
  }
  const bool untrusted =
      std::any_of(analysis.arms.begin(), analysis.arms.end(), [](const ArmSummary& arm) { return arm.untrusted > 0; });
  if (guard_broken || seen.count(MetricVerdict::kRegressed) > 0) return AbVerdict::kRegressed;
  if (untrusted) return AbVerdict::kUntrusted;
  if (seen.empty() || seen.count(MetricVerdict::kNotEnoughPairs) > 0) return AbVerdict::kNotEnoughPairs;
  if (seen.count(MetricVerdict::kUnstable) > 0) return AbVerdict::kUnstable;
  return seen.count(MetricVerdict::kImproved) > 0 ? AbVerdict::kImproved : AbVerdict::kUnchanged;
}

// Runs that are not what they should be, each said once.
void AddMarks(const Experiment& experiment, const Table& table, Analysis& analysis) {
  const std::vector<Arm>& arms = experiment.request.arms;
  std::set<std::string> machines, builds;
  bool dirty = false;
  for (const FinishedRun& run : experiment.runs) {
    const RunFacts& facts = run.facts;
    ArmSummary& arm = analysis.arms[run.scheduled.arm];
    ++arm.runs;
    machines.insert(facts.machine);
    builds.insert(facts.build);
    dirty = dirty || facts.dirty;
    arm.killed += facts.killed() ? 1 : 0;
    arm.untrusted += facts.killed() || facts.comparable() ? 0 : 1;
    if (facts.killed() || !facts.comparable())
      analysis.notes.push_back("pair " + std::to_string(run.scheduled.pair) + ", arm " + arms[run.scheduled.arm].name +
                               (facts.killed() ? " was killed: " : " is untrusted: ") + facts.why +
                               "; its figures are not compared");
  }
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
  if (builds.size() > 1) analysis.notes.push_back("the runs come from different builds; such pairs are not compared");
  if (dirty)
    analysis.notes.push_back("built from a tree with uncommitted changes: the commit does not say what was measured");
}

}  // namespace

const ReadableMetric& KilledMetric() {
  static const ReadableMetric metric{{"killed at the memory cap", "verdict == killed", true, 5}, {}, Quantity::kCount};
  return metric;
}

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
  const Table table = TableOf(experiment);
  Analysis analysis;
  analysis.arms.resize(arms.size());
  analysis.notes = experiment.notes;
  AddMarks(experiment, table, analysis);
  const auto compare = [&](std::size_t base, std::size_t arm, bool shown_only) {
    Comparer comparer(experiment, table, base, arm);
    if (comparer.usable() < kPairsMin)
      analysis.notes.push_back(arms[arm].name + " against " + arms[base].name + ": " + TooFewPairs(comparer.usable()));
    analysis.comparisons.push_back(comparer.Compare());
    analysis.comparisons.back().beside = shown_only;
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
    return arm.strategy == arms[0].strategy &&
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
