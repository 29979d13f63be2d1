#include "bench/nightly/change_points.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <numeric>

#include "impl/base/check.h"

namespace prefixmesh::bench {
namespace {

double Mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double SquaresAround(std::span<const double> values, double mean) {
  return std::accumulate(values.begin(), values.end(), 0.0,
                         [mean](double sum, double value) { return sum + (value - mean) * (value - mean); });
}

// The change points of `series` by index alone; each level lies between two of them.
using Indexes = std::vector<std::size_t>;

std::span<const double> Level(std::span<const double> series, const Indexes& points, std::size_t level) {
  const std::size_t begin = level == 0 ? 0 : points[level - 1];
  const std::size_t end = level == points.size() ? series.size() : points[level];
  return series.subspan(begin, end - begin);
}

ChangePoint Tested(std::span<const double> series, const Indexes& points, std::size_t i) {
  const std::span<const double> left = Level(series, points, i), right = Level(series, points, i + 1);
  return {points[i], StudentTestP(left, right), Mean(left), Mean(right)};
}

// All splits of one window, as long as the best one left is below p_max.
Indexes SplitsOf(std::span<const double> window, double p_max, std::size_t level_min) {
  Indexes points;
  for (;;) {
    Split best;
    for (std::size_t level = 0; level <= points.size(); ++level) {
      Split split = BestSplit(Level(window, points, level), level_min);
      if (split.index == 0 || split.q <= best.q) continue;
      split.index += level == 0 ? 0 : points[level - 1];
      best = split;
    }
    if (best.index == 0) return points;
    const auto at = std::lower_bound(points.begin(), points.end(), best.index);
    const std::size_t place = static_cast<std::size_t>(at - points.begin());
    points.insert(at, best.index);
    if (Tested(window, points, place).p < p_max) continue;
    points.erase(points.begin() + static_cast<std::ptrdiff_t>(place));
    return points;
  }
}

}  // namespace

double ChangePoint::Magnitude() const {
  if (mean_before == mean_after) return 0;
  if (mean_before == 0 || mean_after == 0) return std::numeric_limits<double>::infinity();
  return std::max(std::abs(mean_after / mean_before - 1), std::abs(mean_before / mean_after - 1));
}

Split BestSplit(std::span<const double> series, std::size_t level_min) {
  const std::size_t size = series.size();
  Split best;
  // The sums of X, and for each split those between X and Y and within Y, as Y grows by one value.
  double within_x = 0;
  for (std::size_t split = 1; split < size; ++split) {
    for (std::size_t i = 0; i + 1 < split; ++i) within_x += std::abs(series[i] - series[split - 1]);
    const double n = static_cast<double>(split);
    double between = 0, within_y = 0;
    for (std::size_t end = split + 1; end <= size; ++end) {
      const double newest = series[end - 1];
      for (std::size_t i = 0; i < split; ++i) between += std::abs(series[i] - newest);
      for (std::size_t i = split; i + 1 < end; ++i) within_y += std::abs(series[i] - newest);
      const double m = static_cast<double>(end - split);
      const double q = 2 / (n + m) * between - (split > 1 ? 2 * m / (n + m) / (n - 1) * within_x : 0) -
                       (m > 1 ? 2 * n / (n + m) / (m - 1) * within_y : 0);
      if (q > best.q && split >= level_min && end - split >= level_min) best = {split, q};
    }
  }
  return best;
}

double StudentTestP(std::span<const double> left, std::span<const double> right) {
  if (left.empty() || right.empty() || left.size() + right.size() < 3) return 1;
  const double n = static_cast<double>(left.size()), m = static_cast<double>(right.size()), freedom = n + m - 2;
  const double mean_left = Mean(left), mean_right = Mean(right);
  const double variance = (SquaresAround(left, mean_left) + SquaresAround(right, mean_right)) / freedom;
  if (mean_left == mean_right) return 1;
  if (variance <= 0) return 0;
  const double t = (mean_left - mean_right) / std::sqrt(variance * (1 / n + 1 / m));
  return 2 * boost::math::cdf(boost::math::complement(boost::math::students_t(freedom), std::abs(t)));
}

std::vector<ChangePoint> FindChangePoints(std::span<const double> series, const ChangePointOptions& options) {
  PREFIXMESH_CHECK(options.window >= 4);
  for (const double value : series) PREFIXMESH_CHECK(std::isfinite(value));
  Indexes points;
  for (std::size_t start = 0; start < series.size();) {
    const std::size_t length = std::min(options.window, series.size() - start);
    Indexes found = SplitsOf(series.subspan(start, length), std::min(1.0, options.p_max * 10), options.level_min);
    for (std::size_t& index : found) index += start;
    points.insert(points.end(), found.begin(), found.end());
    start = std::max(found.empty() ? 0 : found.back(), start + options.window / 2);
  }
  std::sort(points.begin(), points.end());
  points.erase(std::unique(points.begin(), points.end()), points.end());

  while (!points.empty()) {
    std::vector<ChangePoint> tested;
    for (std::size_t i = 0; i < points.size(); ++i) tested.push_back(Tested(series, points, i));
    auto weakest = std::max_element(tested.begin(), tested.end(),
                                    [](const ChangePoint& a, const ChangePoint& b) { return a.p < b.p; });
    if (weakest->p < options.p_max) {
      weakest = std::min_element(tested.begin(), tested.end(), [](const ChangePoint& a, const ChangePoint& b) {
        return a.Magnitude() < b.Magnitude();
      });
      if (weakest->Magnitude() >= options.magnitude_min) return tested;
    }
    points.erase(points.begin() + (weakest - tested.begin()));
  }
  return {};
}

}  // namespace prefixmesh::bench
