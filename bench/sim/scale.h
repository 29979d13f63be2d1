// scale.h — what a calm mesh costs as it grows, on virtual time: the table of docs/scale.md.
//
// Threads: one. Errors: none. CPU is that of this process, the simulator's own events included: an upper bound.
#pragma once

#include <cstdint>
#include <string>

namespace prefixmesh::sim {

struct ScaleRow {
  std::size_t routers = 0;
  std::uint64_t placements = 0;  // announced
  std::uint64_t deliveries = 0;  // applied by a peer
  std::uint64_t built_bytes = 0, frames = 0, oversize = 0;
  double bytes_per_delivery = 0;  // payload, acks and digests included
  double frames_per_delivery = 0;
  double rounds_to_visible_p50 = 0, rounds_to_visible_p99 = 0;
  double cpu_us_per_delivery = 0;
};

// `rate` placements per second and router, half of them new prompts below a shared head, for ten virtual seconds.
ScaleRow MeasureScale(std::size_t routers, double rate, double round_ms);
// Rows for 2, 8, 32 and 128 routers, as Markdown.
std::string ScaleTable();

}  // namespace prefixmesh::sim
