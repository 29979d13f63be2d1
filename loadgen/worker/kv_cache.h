// kv_cache.h — what a worker remembers: an LRU of whole blocks, named by their chained hash.
//
// A chain is touched from its last block to its first, so the end of a prompt always goes before its beginning and what
// is left of it stays a prefix. Insert is called when a prefill has ended; until then its blocks do not count. Partial
// blocks have no id and never count.
//
// Threads: one. Time: none, order only. Ownership: copies ids. Errors: none. Bounds: capacity blocks, 32 bytes each,
// allocated as they are used; a chain longer than the capacity keeps its first blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "impl/base/block_sum.h"
#include "impl/base/ids.h"
#include "loadgen/worker/held_blocks.h"

namespace prefixmesh::load {

// Blocks that came one below the other. `parent`: what the first stands below; none: it begins a prompt.
struct CacheRun {
  std::optional<NodeId> parent;
  std::vector<NodeId> ids;
};
// What an insert changed, in this order: a block that went and came again is in both.
struct CacheChange {
  std::vector<NodeId> removed;
  std::vector<CacheRun> stored;
};

class KvCache {
 public:
  // `held`, unless it is null, is told of every block that comes and goes; it outlives the cache.
  explicit KvCache(std::size_t capacity_blocks, HeldBlocks* held = nullptr);

  // How many leading blocks of the chain are here; they become the most recent.
  std::size_t Match(std::span<const NodeId> chain);
  // The same without touching recency.
  std::size_t Peek(std::span<const NodeId> chain) const;
  // All blocks of the chain are here afterwards (up to the capacity) and are the most recent.
  void Insert(std::span<const NodeId> chain, CacheChange* change = nullptr);
  void Clear();
  // All that is here, each run below one that comes before it.
  std::vector<CacheRun> Runs() const;

  const BlockSum& sum() const { return sum_; }
  // Those in the sample (block_sum.h), in any order.
  std::vector<NodeId> Sample() const;
  std::size_t size() const { return used_; }
  std::size_t capacity() const { return capacity_; }
  std::uint64_t evicted() const { return evicted_; }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  struct Entry {
    NodeId id, parent;  // 0: none
    std::uint32_t newer = kNone, older = kNone;
  };

  std::size_t HomeOf(NodeId id) const;
  std::uint32_t Find(NodeId id) const;
  void Touch(std::uint32_t entry);
  void Unlink(std::uint32_t entry);
  void LinkNewest(std::uint32_t entry);
  void EraseSlot(NodeId id);
  void PutSlot(NodeId id, std::uint32_t entry);
  void GrowTable();

  std::size_t capacity_;
  HeldBlocks* held_;
  std::size_t used_ = 0;
  BlockSum sum_;  // of the blocks that are used
  std::uint64_t evicted_ = 0;
  std::uint32_t newest_ = kNone, oldest_ = kNone;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> table_;  // open addressing, linear probing, entry index or kNone; a power of two
};

}  // namespace prefixmesh::load
