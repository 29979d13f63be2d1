// expectations.h — chains of blocks that somebody is expected to hold soon: requests that were sent, of which nothing
// was told yet (held_index.h).
//
// An expectation is found by its first block, and is over in sense, if not in memory, when its last one is told of.
//
// Threads: none of its own; the owner locks. Ownership: copies ids. Errors: none. Bounds: the owner's. Time: adding and
// taking out are two look-ups, whatever the chain; a match compares as many ids as the logarithm of its length.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "impl/base/ids.h"
#include "impl/base/prng.h"
#include "impl/tree/holder_sets.h"
#include "impl/tree/segmented_table.h"

namespace prefixmesh {

class Expectations {
 public:
  using Number = std::uint32_t;  // 0: none

  Expectations() : all_(1) {}

  // `ids` is not empty.
  Number Add(Holder holder, std::span<const NodeId> ids);
  // Returns whose it was.
  Holder Remove(Number number);
  // All of the holder's that end with this block are told of.
  void EndWith(NodeId last, Holder holder);
  // Calls f(holder, length) for each that begins with ids[0] and is awaited: so many ids are the same.
  template <typename F>
  void ForEachAt(std::span<const NodeId> ids, F&& f) const;

  bool has(Number number) const { return number < all_.size() && !all_[number].ids.empty(); }
  std::uint64_t count() const { return by_first_.count(); }
  std::uint64_t bytes() const {
    return by_first_.bytes() + by_last_.bytes() + all_.capacity() * sizeof(Entry) + free_.capacity() * sizeof(Number) +
           spares_.capacity() * sizeof(spares_[0]) + id_bytes_ + spare_bytes_;
  }

 private:
  struct Entry {
    Holder holder;
    bool awaited = false;
    std::vector<NodeId> ids;  // none: it is free
  };
  struct Known {
    std::uint32_t mixed = 0;
    Number number = 0;
    std::uint32_t tag() const { return mixed; }
  };
  static std::uint32_t TagOf(NodeId id) { return static_cast<std::uint32_t>(Mix64(id.value) >> 32); }
  static std::size_t CommonLength(std::span<const NodeId> a, std::span<const NodeId> b);

  std::vector<Entry> all_;  // by number
  std::vector<Number> free_;
  SegmentedTable<Known> by_first_, by_last_;
  std::vector<std::vector<NodeId>> spares_;  // room of those that are over, for the next ones
  std::uint64_t id_bytes_ = 0, spare_bytes_ = 0;
};

template <typename F>
void Expectations::ForEachAt(std::span<const NodeId> ids, F&& f) const {
  if (by_first_.count() == 0) return;
  (void)by_first_.Find(TagOf(ids.front()), [&](const Known& known) {
    const Entry& entry = all_[known.number];
    if (entry.awaited && entry.ids.front() == ids.front()) f(entry.holder, CommonLength(entry.ids, ids));
    return false;
  });
}

}  // namespace prefixmesh
