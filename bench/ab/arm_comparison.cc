#include "bench/ab/arm_comparison.h"

#include <algorithm>
#include <utility>

#include "bench/ab/statistics/bootstrap.h"

namespace prefixmesh::bench::ab {
namespace {

// Why a pair cannot be compared; empty: it can.
std::string ReasonNotComparable(const RunFacts* a, const RunFacts* b, bool builds_may_differ) {
  if (a == nullptr || b == nullptr) return "a run is missing";
  for (const RunFacts* each : {a, b}) {
    if (each->killed()) return "killed";
    if (!each->comparable()) return "untrusted";
  }
  if (a->plan_fingerprint != b->plan_fingerprint || a->plan_fingerprint.empty()) return "different plans";
  if (a->machine != b->machine) return "different machines";
  if (a->build != b->build && !builds_may_differ) return "different builds";
  return "";
}

std::string Count(std::size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

class Comparer {
 public:
  Comparer(const ExperimentRequest& request, const RunTable& table, std::size_t base, std::size_t arm)
      : request_(request), table_(table), builds_may_differ_(DifferentBuilds(request.arms)) {
    out_.base = base;
    out_.arm = arm;
    for (const auto& row : table_)
      reasons_not_comparable_.push_back(ReasonNotComparable(row[base], row[arm], builds_may_differ_));
  }

  ArmComparison Compare() {
    out_.pairs = usable();
    for (std::size_t m = 0; m < request_.metrics.size(); ++m) AddDeclared(m);
    if (std::find(reasons_not_comparable_.begin(), reasons_not_comparable_.end(), "killed") !=
        reasons_not_comparable_.end())
      AddKilled();
    std::vector<MetricPairs> family;
    for (const MetricResult& each : out_.metrics) family.push_back(PairsOf(each));
    const std::vector<MetricComparison> compared = CompareFamily(family, request_.seed);
    JudgeAll();
    for (std::size_t m = 0; m < family.size(); ++m) {
      MetricResult& each = out_.metrics[m];
      each.comparison = compared[m];
      SetMedians(each);
      WithholdFromTheSilent(each);
      if (const std::string reason = ReasonOf(each); !reason.empty())
        each.reason += (each.reason.empty() ? "" : "; ") + reason;
      if (each.comparison.verdict == MetricVerdict::kNotEnoughPairs && each.failing && usable() >= kPairsMin)
        each.comparison.verdict = MetricVerdict::kNotComparable;
      if (IsOfAnswered(each.metric) || each.comparison.verdict == MetricVerdict::kNotEnoughPairs) continue;
      const std::string why_not =
          WhyNotComparable(each.metric, MediansOf(out_.guards, false), MediansOf(out_.guards, true));
      if (why_not.empty()) continue;
      each.comparison.verdict = MetricVerdict::kNotComparable;
      each.reason = why_not;
    }
    return std::move(out_);
  }

 private:
  std::size_t usable() const {
    return static_cast<std::size_t>(
        std::count(reasons_not_comparable_.begin(), reasons_not_comparable_.end(), std::string()));
  }

  void JudgeAll() {
    std::vector<std::pair<const GuardValues*, const GuardValues*>> pairs;
    for (std::size_t pair = 0; pair < table_.size(); ++pair)
      if (reasons_not_comparable_[pair].empty())
        pairs.emplace_back(&table_[pair][out_.base]->guards, &table_[pair][out_.arm]->guards);
    out_.guards = JudgeGuards(pairs);
  }

  // What of an arm is no value to compare, in pairs.
  struct Missing {
    std::size_t unmeasured = 0, few = 0, failing = 0;
    std::string why;         // the first reason that a result gives
    double samples_min = 0;  // of those with too few
    double failed_max = 0;   // of those that fail too much
    std::size_t pairs() const { return unmeasured + few + failing; }
  };

  static std::optional<double> ValueOf(const RunFacts* run, std::size_t m, double samples_min, Missing& missing) {
    if (run == nullptr || !run->values[m].has_value()) {
      ++missing.unmeasured;
      if (run != nullptr && missing.why.empty() && m < run->why_null.size()) missing.why = run->why_null[m];
      return std::nullopt;
    }
    const std::optional<double> samples = m < run->samples.size() ? run->samples[m] : std::nullopt;
    if (!samples.has_value() || *samples >= samples_min) return run->values[m];
    missing.samples_min = missing.few == 0 ? *samples : std::min(missing.samples_min, *samples);
    ++missing.few;
    return std::nullopt;
  }

  static bool Fails(const RunFacts& run, const RunFacts& other, Missing& missing) {
    if (!FailsTooMuch(run.guards, other.guards)) return false;
    ++missing.failing;
    missing.failed_max = std::max(missing.failed_max, FailedShare(run.guards).value_or(0));
    return true;
  }

  std::string MissingText(const Missing& missing, std::size_t arm, double samples_min) const {
    const std::string& name = request_.arms[arm].name;
    std::string text;
    const auto add = [&](std::size_t pairs, const std::string& what, const std::string& detail) {
      if (pairs > 0)
        text += (text.empty() ? "" : ", ") + what + " for " + name + " in " + std::to_string(pairs) + " of " +
                Count(usable(), "pair") + detail;
    };
    add(missing.unmeasured, "not measured", missing.why.empty() ? "" : " (" + missing.why + ")");
    add(missing.few, "too few samples", " (" + Whole(missing.samples_min) + "; it takes " + Whole(samples_min) + ")");
    add(missing.failing, "too many requests failed", " (" + QuantityText(Quantity::kShare, missing.failed_max) + ")");
    return text;
  }

  static std::string Whole(double number) { return std::to_string(static_cast<std::uint64_t>(number)); }

  void AddDeclared(std::size_t m) {
    MetricResult each{request_.metrics[m], {}, {}, {}, {}, {}, {}, {}, {}};
    Missing of_a, of_b;
    for (std::size_t pair = 0; pair < table_.size(); ++pair) {
      const RunFacts *a = table_[pair][out_.base], *b = table_[pair][out_.arm];
      const bool comparable = reasons_not_comparable_[pair].empty();
      Missing uncounted;
      PairPoint point{pair + 1, ValueOf(a, m, each.metric.samples_min, comparable ? of_a : uncounted),
                      ValueOf(b, m, each.metric.samples_min, comparable ? of_b : uncounted), false};
      point.used = comparable && point.a.has_value() && point.b.has_value();
      if (point.used && IsOfAnswered(each.metric)) {
        const bool a_fails = Fails(*a, *b, of_a), b_fails = Fails(*b, *a, of_b);
        point.used = !a_fails && !b_fails;
      }
      each.points.push_back(point);
    }
    each.missing_a = of_a.pairs();
    each.missing_b = of_b.pairs();
    each.failing = of_a.failing + of_b.failing > 0;
    const std::string in_a = MissingText(of_a, out_.base, each.metric.samples_min),
                      in_b = MissingText(of_b, out_.arm, each.metric.samples_min);
    each.reason = in_a + (in_a.empty() || in_b.empty() ? "" : "; ") + in_b;
    const auto never = [&](const Missing& of) { return of.unmeasured + of.few == usable(); };
    if (usable() > 0 && (never(of_a) || never(of_b))) {
      out_.not_compared.push_back({each.metric.declared.name, each.reason});
      return;
    }
    out_.metrics.push_back(std::move(each));
  }

  // Over the pairs that were used; where none could be, over those that both arms measured.
  void SetMedians(MetricResult& each) const {
    const bool some = each.comparison.pairs > 0;
    std::vector<double> a, b;
    for (const PairPoint& point : each.points) {
      if (some ? !point.used : !reasons_not_comparable_[point.pair - 1].empty() || !point.a || !point.b) continue;
      a.push_back(*point.a);
      b.push_back(*point.b);
    }
    if (a.empty()) return;
    each.median_a = Median(a);
    each.median_b = Median(b);
  }

  // Alive or not can be compared whatever became of the other figures.
  void AddKilled() {
    MetricResult each{KilledMetric(), {}, {}, {}, {}, {}, {}, {}, {}};
    for (std::size_t pair = 0; pair < table_.size(); ++pair) {
      const RunFacts *a = table_[pair][out_.base], *b = table_[pair][out_.arm];
      const bool same = reasons_not_comparable_[pair].empty() ||
                        (reasons_not_comparable_[pair] == "killed" && IsWhole(*a) && IsWhole(*b) &&
                         a->plan_fingerprint == b->plan_fingerprint && a->machine == b->machine &&
                         (a->build == b->build || builds_may_differ_));
      each.points.push_back({pair + 1, a != nullptr ? std::optional(a->killed() ? 1.0 : 0.0) : std::nullopt,
                             b != nullptr ? std::optional(b->killed() ? 1.0 : 0.0) : std::nullopt, same});
    }
    out_.metrics.push_back(std::move(each));
  }

  static bool IsWhole(const RunFacts& run) { return run.killed() || run.comparable(); }

  static MetricPairs PairsOf(const MetricResult& each) {
    MetricPairs pairs{{}, {}, each.metric.declared.lower_is_better, each.metric.declared.threshold_percent};
    for (const PairPoint& point : each.points) {
      if (!point.used) continue;
      pairs.a.push_back(*point.a);
      pairs.b.push_back(*point.b);
    }
    return pairs;
  }

  // A percentile is null when it is infinite, and requests fail where it is slowest: the pairs that an arm lacks may be
  // its worst, so it cannot win, nor be found equal, by those that are left. It can lose by them.
  void WithholdFromTheSilent(MetricResult& each) const {
    const MetricVerdict verdict = each.comparison.verdict;
    const bool withheld = (verdict == MetricVerdict::kImproved && each.missing_b > 0) ||
                          (verdict == MetricVerdict::kRegressed && each.missing_a > 0) ||
                          (verdict == MetricVerdict::kUnchanged && each.missing_a + each.missing_b > 0);
    if (!withheld) return;
    each.comparison.verdict = MetricVerdict::kUnstable;
    each.reason += "; what is missing may be the worst, so no verdict rests on the others";
  }

  // The medians of the arms and the median of the pairs' changes may point to different sides.
  static bool MediansContradict(const MetricResult& each) {
    if (!each.median_a || !each.median_b || !each.comparison.median_change) return false;
    constexpr double kShown = 0.0005;  // a change below it is written as 0.0 %
    const double change = *each.comparison.median_change, difference = *each.median_b - *each.median_a;
    const auto side = [](double value, double zero) { return value > zero ? 1 : value < -zero ? -1 : 0; };
    return side(change, kShown) != side(difference, kShown * std::max(*each.median_a, *each.median_b));
  }

  static std::string ReasonOf(const MetricResult& each) {
    std::string reason;
    const auto add = [&](const std::string& text) { reason += (reason.empty() ? "" : "; ") + text; };
    if (each.comparison.verdict == MetricVerdict::kNotEnoughPairs) add(TooFewPairs(each.comparison.pairs));
    if (each.comparison.one_sided_zeros > 0)
      add("0 in one arm only in " + Count(each.comparison.one_sided_zeros, "pair") +
          ": no percentage; tested on signed ranks");
    if (MediansContradict(each)) add("the change is the median over the pairs, not that between the arms' medians");
    return reason;
  }

  const ExperimentRequest& request_;
  const RunTable& table_;
  ArmComparison out_;
  const bool builds_may_differ_;
  std::vector<std::string> reasons_not_comparable_;
};

}  // namespace

std::string TooFewPairs(std::size_t pairs) {
  return Count(pairs, "usable pair") + "; a verdict needs " + std::to_string(kPairsMin);
}

ArmComparison CompareArms(const ExperimentRequest& request, const RunTable& table, std::size_t base, std::size_t arm) {
  return Comparer(request, table, base, arm).Compare();
}

const ReadableMetric& KilledMetric() {
  static const ReadableMetric metric{{"killed at the memory cap", "verdict == killed", true, 5}, {}, Quantity::kCount};
  return metric;
}

}  // namespace prefixmesh::bench::ab
