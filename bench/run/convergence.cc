#include "bench/run/convergence.h"

#include <algorithm>

namespace prefixmesh::bench {

void AddOwnLog(const std::string& name, const v1::SyncPositions& positions, Heads& heads) {
  for (const v1::LogPosition& log : positions.logs())
    if (log.router() == name) heads[{log.router(), log.incarnation()}] = {log.floor(), log.head()};
}

std::uint64_t Lacking(const Heads& heads, const v1::SyncPositions& positions) {
  std::uint64_t lacking = 0;
  for (const auto& [key, range] : heads) {
    std::uint32_t have = range.floor;
    for (const v1::LogPosition& log : positions.logs())
      if (log.router() == key.first && log.incarnation() == key.second) have = std::max(have, log.head());
    lacking += range.head - std::min(have, range.head);
  }
  return lacking;
}

bool SamePositions(std::span<const v1::SyncPositions> routers) {
  if (routers.empty() || routers.front().logs().empty()) return false;
  const auto same = [](const v1::LogPosition& a, const v1::LogPosition& b) {
    return a.router() == b.router() && a.incarnation() == b.incarnation() && a.floor() == b.floor() &&
           a.head() == b.head() && a.sum() == b.sum();
  };
  return std::all_of(routers.begin(), routers.end(), [&](const v1::SyncPositions& each) {
    const auto &first = routers.front().logs(), &logs = each.logs();
    return std::equal(first.begin(), first.end(), logs.begin(), logs.end(), same);
  });
}

}  // namespace prefixmesh::bench
