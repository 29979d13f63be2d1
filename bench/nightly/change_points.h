// change_points.h — where a series of nights changed its level: E-divisive with Student's t-test.
//
// A window slides over the series by half its length. In it the split is looked for that tells the most: of all
// beginnings X and all Y that follow it, the one with the largest
//
//   Q(X, Y) = n m / (n + m) × (2 mean |x − y| − mean |x − x'| − mean |y − y'|)
//
// If a t-test of the two sides is below 10 × p_max the split is kept and both sides are searched again. The splits of
// all windows are then tested against their neighbours, and the weakest are taken away until every one is below p_max
// and at least magnitude_min: first what is not significant, then what is too small to matter.
//
// Sources: D. S. Matteson and N. A. James, A Nonparametric Approach for Multiple Change Point Analysis, arXiv:1306.4933
// (Q, the search); M. Fleming et al., Hunter: Using Change Point Detection to Hunt for Performance Regressions,
// arXiv:2301.03034 (t-test instead of permutations, windows, weak points, merging). Unlike Apache Otava, which follows
// the same papers, the t-test has the unbiased variance, and a level has more than one value: with single ones the last
// night's spike is a level, and noise has a change point in every third series.
//
// Threads: pure. Time: O(window²) per window and split. Ownership: values. Units: the series'. Errors: none; values are
// finite (CHECK). Bounds: memory O(window²).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace prefixmesh::bench {

struct ChangePointOptions {
  std::size_t window = 50;    // at least 4
  std::size_t level_min = 3;  // values of a level: fewer are spikes
  double p_max = 0.001;
  double magnitude_min = 0;  // share: 0.03 is 3 %
};

struct ChangePoint {
  std::size_t index = 0;  // the first value of the new level
  double p = 1;           // of the levels up to the neighbouring change points
  double mean_before = 0, mean_after = 0;

  // The larger of |after / before − 1| and |before / after − 1|; infinite from or to 0.
  double Magnitude() const;
};

std::vector<ChangePoint> FindChangePoints(std::span<const double> series, const ChangePointOptions& options);

// The parts, for tests against other implementations.
struct Split {
  std::size_t index = 0;  // of the first value of Y; 0: none
  double q = 0;
};
// Both sides with at least `level_min` values.
Split BestSplit(std::span<const double> series, std::size_t level_min);
// Two-sided, equal variances. 1 with fewer than three values in all; 0 for two constant levels that differ.
double StudentTestP(std::span<const double> left, std::span<const double> right);

}  // namespace prefixmesh::bench
