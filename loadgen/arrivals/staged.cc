#include <algorithm>

#include "loadgen/arrivals/arrivals.h"

namespace prefixmesh::load {

Offsets StagedArrivals(std::span<const Stage> stages, std::chrono::nanoseconds span, Prng& prng) {
  Offsets offsets;
  std::chrono::nanoseconds start{0};
  for (std::size_t i = 0; i < stages.size() && start < span; ++i) {
    // Compared before it is converted: a stage may state more seconds than nanoseconds can count.
    const std::chrono::duration<double> stated(stages[i].seconds);
    const bool to_the_end = i + 1 == stages.size() || stated >= span - start;
    const auto length = to_the_end ? span - start : std::chrono::duration_cast<std::chrono::nanoseconds>(stated);
    for (const std::int64_t offset : PoissonArrivals(CountOf(stages[i].rps, length), length, prng)) {
      offsets.push_back(start.count() + offset);
    }
    start += length;
  }
  return offsets;
}

}  // namespace prefixmesh::load
