// holder_sets.h — sets of those who hold a block, each kept once, however many blocks just these hold.
//
// A prompt's blocks mostly have the same holders as the block above them: a chain of a thousand blocks at 256 workers
// is one set of 256 and a thousand numbers. A set never changes; With and Without give the one beside it.
//
//   blocks   b1 b2 b3 b4 …      sets   7: {w3, w9, w12}  8: {w3, w9}
//   set of    7  7  7  8        count   3                 1
//
// Threads: none of its own; the owner locks. Ownership: values. Errors: running out of memory ends the process. Bounds:
// the owner's; a set costs 40 bytes, and 2 bytes a holder. Time: With and Without look at the whole set.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "impl/base/ids.h"
#include "impl/tree/segmented_table.h"

namespace prefixmesh {

// One life of a worker's cache (held_index.h): what it held before it was cleared is another's.
using Holder = StrongId<struct HolderTag, std::uint16_t>;

class HolderSets {
 public:
  using Set = std::uint32_t;
  static constexpr Set kEmpty = 0;

  HolderSets() : sets_(1) {}

  // The set with this holder, or without it: `set` itself where nothing changes. What they return is to be retained, or
  // it stays for ever.
  Set With(Set set, Holder holder);
  Set Without(Set set, Holder holder);
  // The set of those of its members that keep(holder) is true of, asked once each, ascending.
  template <typename Keep>
  Set Filtered(Set set, Keep keep);
  // Ascending. Good until the next set is made.
  std::span<const Holder> Members(Set set) const { return {sets_[set].members.get(), sets_[set].size}; }
  bool Contains(Set set, Holder holder) const;
  void Retain(Set set) {
    if (set != kEmpty) ++sets_[set].blocks;
  }
  void Release(Set set);

  std::uint64_t count() const { return by_tag_.count(); }
  std::uint64_t bytes() const;

 private:
  struct Entry {
    std::uint64_t sum = 0;     // of the members' hashes, so that one more is one addition
    std::uint32_t size = 0;    // members
    std::uint32_t blocks = 0;  // retained
    std::unique_ptr<Holder[]> members;
  };
  struct Tagged {
    std::uint32_t mixed = 0;
    Set set = kEmpty;
    std::uint32_t tag() const { return mixed; }
  };
  static std::uint64_t HashOf(Holder holder);
  static std::uint32_t TagOf(std::uint64_t sum);
  // The set of the members in scratch_, made if it is new.
  Set Intern(std::uint64_t sum);

  std::vector<Entry> sets_;  // [0] is the empty one
  std::vector<Set> free_;
  SegmentedTable<Tagged> by_tag_;
  std::vector<Holder> scratch_;
  std::uint64_t member_bytes_ = 0;
};

template <typename Keep>
HolderSets::Set HolderSets::Filtered(Set set, Keep keep) {
  std::uint64_t sum = 0;
  scratch_.clear();
  for (const Holder holder : Members(set)) {
    if (!keep(holder)) continue;
    scratch_.push_back(holder);
    sum += HashOf(holder);
  }
  return scratch_.size() == sets_[set].size ? set : Intern(sum);
}

}  // namespace prefixmesh
