// held_blocks.h — how many of a fleet's KV caches hold a block: what tells a prefill that was needed from one that
// another worker could have spared.
//
// A cache that holds a block holds all before it (kv_cache.h), so the deepest block of a prompt that anybody holds is
// as far as the best worker has it. Threads: one; the owner locks. Ownership: values. Errors: a block that leaves
// without having come is a programmer error (CHECK). Time: none. Bounds: an entry per different block that is held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>

#include "impl/base/check.h"
#include "impl/base/ids.h"

namespace prefixmesh::load {

class HeldBlocks {
 public:
  void Add(NodeId id) { ++held_[id.value]; }
  void Remove(NodeId id) {
    const auto at = held_.find(id.value);
    PREFIXMESH_CHECK(at != held_.end());
    if (--at->second == 0) held_.erase(at);
  }
  // How many leading blocks of the chain somebody holds, given that it is at least `from`.
  std::size_t Depth(std::span<const NodeId> chain, std::size_t from) const {
    while (from < chain.size() && held_.count(chain[from].value) > 0) ++from;
    return from;
  }

 private:
  std::unordered_map<std::uint64_t, std::uint32_t> held_;
};

}  // namespace prefixmesh::load
