#include <cmath>

#include "loadgen/arrivals/arrivals.h"

namespace prefixmesh::load {

Offsets TraceArrivals(std::span<const std::int64_t> timestamps_ms, double speed, bool spread,
                      std::chrono::nanoseconds span) {
  constexpr double kNsPerMs = 1e6;
  Offsets offsets;
  double gap_ms = 0;  // of the group before, for the last group
  for (std::size_t group = 0; group < timestamps_ms.size();) {
    std::size_t next = group;
    while (next < timestamps_ms.size() && timestamps_ms[next] == timestamps_ms[group]) ++next;
    if (next < timestamps_ms.size()) gap_ms = static_cast<double>(timestamps_ms[next] - timestamps_ms[group]);
    const double start_ms = static_cast<double>(timestamps_ms[group] - timestamps_ms.front());
    for (std::size_t i = group; i < next; ++i) {
      const double share = spread ? static_cast<double>(i - group) / static_cast<double>(next - group) : 0;
      const double at_ns = (start_ms + share * gap_ms) * kNsPerMs / speed;
      if (!(at_ns < static_cast<double>(span.count()))) return offsets;
      offsets.push_back(static_cast<std::int64_t>(at_ns));
    }
    group = next;
  }
  return offsets;
}

}  // namespace prefixmesh::load
