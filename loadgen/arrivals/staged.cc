#include <algorithm>

#include "loadgen/arrivals/arrivals.h"

namespace prefixmesh::load {

Offsets StagedArrivals(std::span<const Stage> stages, std::chrono::nanoseconds span, Prng& prng) {
  Offsets offsets;
  std::chrono::nanoseconds start{0};
  for (std::size_t i = 0; i < stages.size() && start < span; ++i) {
    const auto stated =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(stages[i].seconds));
    const auto length = i + 1 == stages.size() ? span - start : std::min(stated, span - start);
    for (const std::int64_t offset : PoissonArrivals(CountOf(stages[i].rps, length), length, prng)) {
      offsets.push_back(start.count() + offset);
    }
    start += length;
  }
  return offsets;
}

}  // namespace prefixmesh::load
