// levels.h — what a match and its shallower ones must say, given how far each worker holds the prompt.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "impl/tree/tree.h"
#include "tests/support/properties.h"

namespace prefixmesh::test {

// Inside a chooser. `depths`: worker → bytes of the prompt that it holds, those above 0.
inline void RequireLevels(const TreeMatch& first, const std::map<std::uint16_t, std::uint64_t>& depths,
                          std::uint64_t bytes_min) {
  std::set<std::uint64_t> ends;
  for (const auto& [worker, bytes] : depths) ends.insert(bytes);
  TreeMatch match = first;
  for (auto end = ends.rbegin(); end != ends.rend(); ++end) {
    if (end != ends.rbegin()) {
      const bool more = match.shallower->Next(bytes_min, match);
      RC_ASSERT(more == (*end >= bytes_min));
      if (!more) return;
    }
    RC_ASSERT(match.matched_bytes == *end);
    std::vector<WorkerIndex> holders;
    for (const auto& [worker, bytes] : depths)
      if (bytes >= *end) holders.push_back(WorkerIndex{worker});
    RC_ASSERT(std::vector<WorkerIndex>(match.holders.begin(), match.holders.end()) == holders);
  }
  if (!ends.empty()) RC_ASSERT(!match.shallower->Next(bytes_min, match));
}

}  // namespace prefixmesh::test
