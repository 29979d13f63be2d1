// held_table.h — from a block's id to the set of those who hold it (holder_sets.h): a hash table that never stops to
// grow, of 64-byte buckets, because what a look-up costs is the cache lines that it meets for the first time.
//
//   home buckets   [5 ids, 5 sets | next] [ … ] [ … ]     overflow   [5 ids, 5 sets | next] …
//
// Linear hashing (Litwin, VLDB 1980): every kBlocksPerHome blocks more one bucket is split, so the longest stop is that
// of one bucket, and at four blocks in a bucket of five a block costs 16 bytes, 22 with overflow. Merged again as it
// empties.
//
// Threads: none of its own; the owner locks. Ownership: borrows the sets, whose blocks it counts. Errors: running out
// of memory ends the process. Bounds: the owner's. Time: a look-up reads one bucket, seldom more.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "impl/base/ids.h"
#include "impl/tree/holder_sets.h"

namespace prefixmesh {

class HeldTable {
 public:
  using Set = HolderSets::Set;

  // `seed`: a secret, so that who names blocks cannot heap them up in one place.
  explicit HeldTable(HolderSets& sets, std::uint64_t seed = 0);
  ~HeldTable();
  HeldTable(const HeldTable&) = delete;
  HeldTable& operator=(const HeldTable&) = delete;

  Set Find(NodeId id) const;
  void Prefetch(NodeId id) const { __builtin_prefetch(&HomeBucket(HomeOf(id))); }
  // Makes change(set) of the block's set; kEmpty is that of one who is not here, and takes it out.
  template <typename Change>
  void Update(NodeId id, Change&& change);
  void Put(NodeId id, Set set) {
    Update(id, [&](Set) { return set; });
  }

  // Gives each block of this home, one of homes(), the set that f(set) returns. What is put meanwhile moves blocks to
  // other homes, so a walk from home to home may pass some by, and finds them when it comes round again.
  template <typename F>
  void Rewrite(std::uint64_t home, F&& f);
  std::uint64_t homes() const { return homes_; }

  template <typename F>
  void ForEach(F&& f) const;

  std::uint64_t count() const { return count_; }
  std::uint64_t bytes() const;

 private:
  static constexpr std::uint32_t kPlaces = 5;
  static constexpr std::uint64_t kBlocksPerHome = 4;
  static constexpr std::uint64_t kHomesMin = 64;
  static constexpr std::uint32_t kOverflowMax = (1u << 29) - 1;
  static constexpr std::uint32_t kChunkBuckets = 1024;
  struct alignas(64) Bucket {
    NodeId ids[kPlaces];
    Set sets[kPlaces];
    std::uint32_t link;  // next << 3 | used
    std::uint32_t used() const { return link & 7; }
    std::uint32_t next() const { return link >> 3; }  // overflow bucket, from 1; 0: none
    void SetUsed(std::uint32_t used) { link = (link & ~7u) | used; }
    void SetNext(std::uint32_t next) { link = next << 3 | (link & 7); }
  };
  static_assert(sizeof(Bucket) == 64);
  // Buckets that never move.
  class Buckets {
   public:
    Bucket& operator[](std::uint64_t i) { return chunks_[i / kChunkBuckets][i % kChunkBuckets]; }
    const Bucket& operator[](std::uint64_t i) const { return chunks_[i / kChunkBuckets][i % kChunkBuckets]; }
    void Reach(std::uint64_t count);
    void GiveBack(std::uint64_t count);  // what is a chunk or more above it
    std::uint64_t bytes() const {
      return chunks_.size() * kChunkBuckets * sizeof(Bucket) + chunks_.capacity() * sizeof(chunks_[0]);
    }

   private:
    std::vector<std::unique_ptr<Bucket[]>> chunks_;
  };

  std::uint64_t HomeOf(NodeId id) const;
  const Bucket& HomeBucket(std::uint64_t home) const { return home_[home]; }
  void Append(std::uint64_t home, NodeId id, Set set) { AppendTo(LastOf(home), id, set); }
  void AppendTo(Bucket& last, NodeId id, Set set);
  Bucket& LastOf(std::uint64_t home);
  void TakeOut(std::uint64_t home, Bucket& bucket, std::uint32_t place);
  void Empty(std::uint64_t home);  // into moving_
  std::uint32_t TakeOverflow();
  void LeaveOverflow(std::uint32_t overflow);
  void Split();
  void Merge();

  HolderSets& sets_;
  const std::uint64_t seed_;
  Buckets home_, overflow_;
  std::uint64_t homes_ = kHomesMin;
  std::uint64_t mask_ = kHomesMin - 1;  // of the homes that are split already: 2 x this + 1
  std::uint64_t count_ = 0;
  std::uint32_t overflow_made_ = 0, overflow_used_ = 0;
  std::uint32_t overflow_free_ = 0;             // the first of a list through `next`; 0: none
  std::vector<std::pair<NodeId, Set>> moving_;  // scratch
};

template <typename Change>
void HeldTable::Update(NodeId id, Change&& change) {
  const std::uint64_t home = HomeOf(id);
  Bucket* bucket = &home_[home];
  while (true) {
    for (std::uint32_t i = 0; i < bucket->used(); ++i) {
      if (bucket->ids[i] != id) continue;
      const Set before = bucket->sets[i], after = change(before);
      if (after == before) return;
      sets_.Retain(after);
      bucket->sets[i] = after;
      if (after == HolderSets::kEmpty) TakeOut(home, *bucket, i);
      sets_.Release(before);
      return;
    }
    if (bucket->next() == 0) break;
    bucket = &overflow_[bucket->next()];
  }
  const Set after = change(HolderSets::kEmpty);
  if (after == HolderSets::kEmpty) return;
  sets_.Retain(after);
  AppendTo(*bucket, id, after);
  if (++count_ > homes_ * kBlocksPerHome) Split();
}

template <typename F>
void HeldTable::Rewrite(std::uint64_t home, F&& f) {
  std::vector<std::pair<NodeId, Set>> changed;
  for (const Bucket* bucket = &home_[home];; bucket = &overflow_[bucket->next()]) {
    for (std::uint32_t i = 0; i < bucket->used(); ++i)
      if (const Set set = f(bucket->sets[i]); set != bucket->sets[i]) changed.emplace_back(bucket->ids[i], set);
    if (bucket->next() == 0) break;
  }
  for (const auto& [id, set] : changed) Put(id, set);
}

template <typename F>
void HeldTable::ForEach(F&& f) const {
  for (std::uint64_t home = 0; home < homes_; ++home)
    for (const Bucket* bucket = &home_[home];; bucket = &overflow_[bucket->next()]) {
      for (std::uint32_t i = 0; i < bucket->used(); ++i) f(bucket->ids[i], bucket->sets[i]);
      if (bucket->next() == 0) break;
    }
}

}  // namespace prefixmesh
