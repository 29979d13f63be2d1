#include "bench/ab/statistics/verdict.h"

#include <cmath>

#include "bench/ab/statistics/bootstrap.h"
#include "bench/ab/statistics/holm.h"
#include "bench/ab/statistics/sign_flip.h"
#include "impl/base/check.h"

namespace prefixmesh::bench::ab {
namespace {

double LogRatio(double a, double b) {
  PREFIXMESH_CHECK(std::isfinite(a) && std::isfinite(b) && a >= 0 && b >= 0);
  return a == b ? 0 : std::log(b) - std::log(a);  // ln 0 is −infinity
}

// To 0 is −100 %; from 0 has no percentage.
std::optional<double> Change(double log_ratio) {
  const double change = std::expm1(log_ratio);
  return std::isfinite(change) ? std::optional(change) : std::nullopt;
}

// What only the interval and the median say; the p-value comes with the family.
struct Estimate {
  double median = 0;
  Interval interval;
};

MetricVerdict Judge(const MetricPairs& metric, const Estimate& estimate, double p_holm) {
  const double threshold = metric.threshold_percent / 100;
  const bool excludes_zero = estimate.interval.low > 0 || estimate.interval.high < 0;
  const double change = std::expm1(estimate.median);
  if (excludes_zero && std::fabs(change) >= threshold && p_holm < kSignificance) {
    return (change < 0) == metric.lower_is_better ? MetricVerdict::kImproved : MetricVerdict::kRegressed;
  }
  const double half_width = (std::expm1(estimate.interval.high) - std::expm1(estimate.interval.low)) / 2;
  return half_width <= threshold ? MetricVerdict::kUnchanged : MetricVerdict::kUnstable;  // infinite: unstable
}

}  // namespace

std::string_view MetricVerdictName(MetricVerdict verdict) {
  switch (verdict) {
    case MetricVerdict::kImproved:
      return "improved";
    case MetricVerdict::kRegressed:
      return "regressed";
    case MetricVerdict::kUnchanged:
      return "unchanged";
    case MetricVerdict::kUnstable:
      return "unstable";
    case MetricVerdict::kNotEnoughPairs:
      return "not_enough_pairs";
    case MetricVerdict::kNotComparable:
      return "not_comparable";
  }
  return "unknown";
}

std::vector<MetricComparison> CompareFamily(std::span<const MetricPairs> family, std::uint64_t seed) {
  std::vector<MetricComparison> out(family.size());
  std::vector<Estimate> estimates(family.size());
  std::vector<double> p_values;
  for (std::size_t m = 0; m < family.size(); ++m) {
    const MetricPairs& metric = family[m];
    PREFIXMESH_CHECK(metric.a.size() == metric.b.size());
    MetricComparison& each = out[m];
    each.pairs = metric.a.size();
    if (each.pairs == 0) continue;
    std::vector<double> differences;
    for (std::size_t i = 0; i < each.pairs; ++i) {
      differences.push_back(LogRatio(metric.a[i], metric.b[i]));
      each.one_sided_zeros += std::isinf(differences.back()) ? 1 : 0;
    }
    estimates[m] = {Median(differences), BootstrapMedian(differences, seed)};
    each.median_change = Change(estimates[m].median);
    if (each.pairs >= kIntervalPairsMin) {
      each.ci_low = Change(estimates[m].interval.low);
      each.ci_high = Change(estimates[m].interval.high);
    }
    each.effect = RankBiserial(differences);
    each.p = SignFlipP(each.one_sided_zeros > 0 ? SignedRanks(differences) : differences, seed);
    if (each.pairs >= kPairsMin) p_values.push_back(*each.p);
  }
  const std::vector<double> adjusted = HolmAdjusted(p_values);
  std::size_t next = 0;
  for (std::size_t m = 0; m < family.size(); ++m) {
    if (out[m].pairs < kPairsMin) continue;
    out[m].p_holm = adjusted[next++];
    out[m].verdict = Judge(family[m], estimates[m], *out[m].p_holm);
  }
  return out;
}

}  // namespace prefixmesh::bench::ab
