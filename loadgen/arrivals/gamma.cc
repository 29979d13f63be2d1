#include <algorithm>

#include "loadgen/arrivals/arrivals.h"

namespace prefixmesh::load {

Offsets GammaArrivals(std::uint64_t count, double burstiness, std::chrono::nanoseconds span, Prng& prng) {
  if (span.count() <= 0) return {};
  std::vector<double> sums(count);
  double sum = 0;
  for (auto& at : sums) at = sum += prng.Gamma(burstiness);
  sum += prng.Gamma(burstiness);  // the gap that leads out of the span
  Offsets offsets(count);
  const auto length = static_cast<double>(span.count());
  for (std::uint64_t i = 0; i < count; ++i) {
    const double share = sum > 0 ? sums[i] / sum : 0;
    offsets[i] = std::min(static_cast<std::int64_t>(share * length), span.count() - 1);
  }
  return offsets;
}

}  // namespace prefixmesh::load
