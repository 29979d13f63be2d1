#include <algorithm>
#include <cmath>

#include "loadgen/arrivals/arrivals.h"

namespace prefixmesh::load {

std::uint64_t CountOf(double rps, std::chrono::nanoseconds span) {
  return static_cast<std::uint64_t>(std::llround(rps * std::chrono::duration<double>(span).count()));
}

Offsets PoissonArrivals(std::uint64_t count, std::chrono::nanoseconds span, Prng& prng) {
  if (span.count() <= 0) return {};
  Offsets offsets(count);
  for (auto& offset : offsets) {
    offset = static_cast<std::int64_t>(prng.Below(static_cast<std::uint64_t>(span.count())));
  }
  std::sort(offsets.begin(), offsets.end());
  return offsets;
}

}  // namespace prefixmesh::load
