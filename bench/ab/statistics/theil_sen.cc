#include "bench/ab/statistics/theil_sen.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "bench/ab/statistics/bootstrap.h"
#include "impl/base/check.h"

namespace prefixmesh::bench::ab {
namespace {

constexpr double kNormal97_5 = 1.959963984540054;  // of 95 %, two-sided

// Sum of n (n - 1) (2 n + 5) over the groups of equal values.
double TiesOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  double sum = 0;
  for (auto at = values.begin(); at != values.end();) {
    const auto next = std::upper_bound(at, values.end(), *at);
    const auto n = static_cast<double>(next - at);
    sum += n * (n - 1) * (2 * n + 5);
    at = next;
  }
  return sum;
}

}  // namespace

std::optional<Slope> TheilSen(std::span<const double> all_x, std::span<const double> all_y) {
  PREFIXMESH_CHECK(all_x.size() == all_y.size());
  const std::size_t step = (all_x.size() + kPointsMax - 1) / kPointsMax;
  std::vector<double> x, y;
  for (std::size_t i = 0; i < all_x.size(); i += step) {
    x.push_back(all_x[i]);
    y.push_back(all_y[i]);
  }
  std::vector<double> slopes;
  slopes.reserve(x.size() * x.size() / 2);
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (x[i] != x[j]) slopes.push_back((y[i] - y[j]) / (x[i] - x[j]));
  if (slopes.empty()) return std::nullopt;
  std::sort(slopes.begin(), slopes.end());
  const auto n = static_cast<double>(x.size()), pairs = static_cast<double>(slopes.size());
  // A group of one counts nothing, so all of one value is the whole.
  const double variance = (n * (n - 1) * (2 * n + 5) - TiesOf(x) - TiesOf(y)) / 18;
  const double reach = kNormal97_5 * std::sqrt(std::max(variance, 0.0));
  const double last = pairs - 1;
  const auto at = [&](double rank) { return slopes[static_cast<std::size_t>(std::clamp(rank, 0.0, last))]; };
  // Ranks round half to even.
  return Slope{Median(slopes), at(std::nearbyint((pairs - reach) / 2) - 1), at(std::nearbyint((pairs + reach) / 2))};
}

}  // namespace prefixmesh::bench::ab
