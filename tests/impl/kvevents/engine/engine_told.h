// engine_told.h — what tests of an engine's blocks share: ids of tokens, and what an index is told.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "impl/kvevents/kv_event.h"
#include "impl/tree/block_hash.h"

namespace prefixmesh::test {

inline constexpr std::size_t kPlenty = 64u << 20;

inline BlockHashOptions Cut(std::uint32_t tokens) { return {.tokens_block_tokens = tokens, .seed = 5}; }

inline std::vector<NodeId> Hashed(const BlockHashOptions& options, const std::vector<std::uint32_t>& tokens) {
  std::string bytes;
  for (const std::uint32_t token : tokens)
    for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<char>(token >> (8 * i)));
  std::vector<NodeId> ids;
  BlockHasher(options, "m", Kind::kTokens).Hash(Slices(AsBytes(std::string_view(bytes))), ids);
  return ids;
}

// What an index does with events: ids that are there. A parent that is not is a mistake of who tells.
struct Told {
  void Take(const std::vector<kvevents::KvEvent>& events) {
    for (const kvevents::KvEvent& event : events) {
      if (event.kind == kvevents::EventKind::kCleared) ids.clear();
      if (event.kind == kvevents::EventKind::kStored && event.parent && ids.count(event.parent->low) == 0) ++orphans;
      for (const kvevents::BlockName& name : event.blocks)
        event.kind == kvevents::EventKind::kStored ? static_cast<void>(ids.insert(name.low))
                                                   : static_cast<void>(ids.erase(name.low));
    }
  }
  std::set<std::uint64_t> ids;
  std::size_t orphans = 0;
};

}  // namespace prefixmesh::test
