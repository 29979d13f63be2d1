// theil_sen.h — the slope of a series that outliers cannot tilt, with its interval: the median of the slopes of all
// pairs of points.
//
// Sources: P. K. Sen, Estimates of the regression coefficient based on Kendall's tau, J. Am. Stat. Assoc. 63 (1968),
// with the interval from the variance of Kendall's S under ties; a test holds both against scipy.stats.theilslopes. The
// interval is that of independent noise: samples of one process depend on each other, so it is too narrow for them.
//
// Threads: pure. Units: the y's, per one x. Ownership: values. Errors: none; values are finite. Bounds: kPointsMax
// points make 180,000 slopes; of longer series every k-th point is taken.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace prefixmesh::bench::ab {

struct Slope {
  double slope = 0;
  double low = 0, high = 0;  // 95 %
};

inline constexpr std::size_t kPointsMax = 600;

// Nothing without two different x.
std::optional<Slope> TheilSen(std::span<const double> x, std::span<const double> y);

}  // namespace prefixmesh::bench::ab
