#include "loadgen/arrivals/arrivals.h"

namespace prefixmesh::load {

Offsets ConstantArrivals(std::uint64_t count, std::chrono::nanoseconds span) {
  Offsets offsets(count);
  // 128 bits: index x span passes 64 bits after a day at a few thousand rps, and steps of span / count would drift.
  for (std::uint64_t i = 0; i < count; ++i) {
    offsets[i] = static_cast<std::int64_t>(static_cast<__int128>(i) * span.count() / static_cast<__int128>(count));
  }
  return offsets;
}

}  // namespace prefixmesh::load
