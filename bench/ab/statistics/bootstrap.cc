#include "bench/ab/statistics/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "impl/base/check.h"
#include "impl/base/prng.h"

namespace prefixmesh::bench::ab {
namespace {

double Middle(double low, double high) {
  if (low == high) return low;
  return std::isinf(low) && std::isinf(high) ? 0 : low / 2 + high / 2;
}

std::vector<double> Sorted(std::span<const double> values) {
  PREFIXMESH_CHECK(!values.empty());
  for (const double value : values) PREFIXMESH_CHECK(!std::isnan(value));
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

// Of sorted values; between two of them on the line that joins them.
double Quantile(const std::vector<double>& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size() - 1);
  const std::size_t below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  if (sorted[below] == sorted[above]) return sorted[below];
  const double part = at - static_cast<double>(below);
  if (part == 0) return sorted[below];
  if (std::isinf(sorted[below]) && std::isinf(sorted[above])) return part < 0.5 ? sorted[below] : sorted[above];
  return (1 - part) * sorted[below] + part * sorted[above];
}

}  // namespace

double Median(std::span<const double> values) {
  const std::vector<double> sorted = Sorted(values);
  return Middle(sorted[(sorted.size() - 1) / 2], sorted[sorted.size() / 2]);
}

Interval BootstrapMedian(std::span<const double> values, std::uint64_t seed) {
  const std::vector<double> sorted = Sorted(values);
  const std::size_t n = sorted.size();
  Prng prng = Prng::ForPurpose(seed, "ab-bootstrap");
  // A resample is how often each place of the sorted list was drawn: its median needs no sorting.
  std::vector<std::uint32_t> drawn(n);
  std::vector<double> medians(kResamples);
  for (double& median : medians) {
    std::fill(drawn.begin(), drawn.end(), 0);
    for (std::size_t i = 0; i < n; ++i) ++drawn[prng.Below(n)];
    std::size_t place = 0, up_to = drawn[0];
    const auto at_rank = [&](std::size_t rank) {
      while (up_to <= rank) up_to += drawn[++place];
      return sorted[place];
    };
    const double low = at_rank((n - 1) / 2);
    median = Middle(low, at_rank(n / 2));
  }
  std::sort(medians.begin(), medians.end());
  const double tail = (1 - kConfidence) / 2;
  return {Quantile(medians, tail), Quantile(medians, 1 - tail)};
}

}  // namespace prefixmesh::bench::ab
