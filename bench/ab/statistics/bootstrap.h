// bootstrap.h — the median of paired differences, and how sure it is: a percentile bootstrap interval over the pairs.
//
// The pairs are drawn with replacement kResamples times; the interval is the 2.5 and 97.5 percent quantiles of the
// resampled medians, interpolated as usual (Hyndman and Fan's type 7). Percentile, not BCa: BCa's acceleration comes
// from leaving one pair out at a time, which for a median of a dozen is two or three distinct values and says nothing.
//
// Source: B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
// Threads: any, pure. Units: those of the differences. Time: about 2 ms for 12 pairs. Errors: none; an empty list or a
// NaN is a programmer error (CHECK). Infinite differences are ordered, and an end of the interval may be infinite.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace prefixmesh::bench::ab {

inline constexpr std::size_t kResamples = 10000;
inline constexpr double kConfidence = 0.95;

// The mean of the middle two when there is no middle one; of -inf and +inf it is 0.
double Median(std::span<const double> values);

struct Interval {
  double low = 0;
  double high = 0;
};
Interval BootstrapMedian(std::span<const double> values, std::uint64_t seed);

}  // namespace prefixmesh::bench::ab
