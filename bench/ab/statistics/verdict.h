// verdict.h — start here for statistics: from the values of two arms, pair by pair, to a verdict per metric.
//
//   d_i = ln(B_i / A_i)      median change = exp(median d) − 1      p = sign-flip test of d      Holm over the family
//
// A change is called only with three keys at once: the interval of the median excludes 0, the median change reaches the
// metric's practical threshold, and Holm's p is below 5 %. Without them: `unstable` when half the interval is wider
// than the threshold (the pairs cannot say), else `unchanged`. Fewer than kPairsMin usable pairs: `not_enough_pairs`,
// and no part in the family, because such a metric cannot be called.
//
// kNotComparable is the caller's to set: what the metric measured is not the same work in both arms.
//
// Zero: both runs of a pair 0 is no change (d = 0). One of them 0 has no ratio: d is infinite, the change has no
// percentage when A is 0 (nothing where the median or an end of the interval falls there; from something to 0 is −100
// %), and the test runs on signed ranks (Wilcoxon's), which only need to know that it is the largest. Below 0 or not
// measured is for the caller to keep out.
//
// Threads: any, pure. Units: shares (0.05 is 5 %) but for the thresholds, which are percent. Ownership: values.
// Errors: none. Bounds: a family is small (kMetricsMax of settings.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace prefixmesh::bench::ab {

inline constexpr std::size_t kPairsMin = 9;  // of a verdict: 12 metrics of 9 pairs can still pass Holm (12 x 2/2^9)
// Of an interval: all of fewer values lie on one side of the median too often for 95 % (2/2^5 is 6 %).
inline constexpr std::size_t kIntervalPairsMin = 6;
inline constexpr double kSignificance = 0.05;

enum class MetricVerdict : std::uint8_t {
  kImproved,
  kRegressed,
  kUnchanged,
  kUnstable,
  kNotEnoughPairs,
  kNotComparable
};
std::string_view MetricVerdictName(MetricVerdict verdict);

struct MetricPairs {
  std::vector<double> a, b;  // of equal length, finite, not negative
  bool lower_is_better = true;
  double threshold_percent = 5;
};

struct MetricComparison {
  std::size_t pairs = 0;
  std::size_t one_sided_zeros = 0;                       // pairs in which one arm is 0 and the other is not
  std::optional<double> median_change, ci_low, ci_high;  // shares; nothing where they are infinite or without pairs
  std::optional<double> p, p_holm;                       // nothing without pairs; p_holm without enough
  double effect = 0;                                     // rank-biserial: above 0, B is larger
  MetricVerdict verdict = MetricVerdict::kNotEnoughPairs;
};

// One comparison per metric, in order. `seed` draws the resamples; same input and seed, same output.
std::vector<MetricComparison> CompareFamily(std::span<const MetricPairs> family, std::uint64_t seed);

}  // namespace prefixmesh::bench::ab
