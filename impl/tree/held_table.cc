#include "impl/tree/held_table.h"

#include "impl/base/check.h"
#include "impl/base/prng.h"

namespace prefixmesh {

HeldTable::HeldTable(HolderSets& sets, std::uint64_t seed) : sets_(sets), seed_(Mix64(seed)) { home_.Reach(homes_); }

HeldTable::~HeldTable() {
  ForEach([&](NodeId, Set set) { sets_.Release(set); });
}

void HeldTable::Buckets::Reach(std::uint64_t count) {
  while (chunks_.size() * kChunkBuckets < count) chunks_.push_back(std::make_unique<Bucket[]>(kChunkBuckets));
}

void HeldTable::Buckets::GiveBack(std::uint64_t count) {
  while (chunks_.size() > 1 && (chunks_.size() - 2) * kChunkBuckets >= count) chunks_.pop_back();
  if (count == 0) chunks_ = std::vector<std::unique_ptr<Bucket[]>>();
}

std::uint64_t HeldTable::HomeOf(NodeId id) const {
  const std::uint64_t hash = Mix64(id.value ^ seed_), home = hash & (2 * mask_ + 1);
  return home < homes_ ? home : hash & mask_;
}

HeldTable::Set HeldTable::Find(NodeId id) const {
  for (const Bucket* bucket = &home_[HomeOf(id)];; bucket = &overflow_[bucket->next()]) {
    for (std::uint32_t i = 0; i < bucket->used(); ++i)
      if (bucket->ids[i] == id) return bucket->sets[i];
    if (bucket->next() == 0) return HolderSets::kEmpty;
  }
}

HeldTable::Bucket& HeldTable::LastOf(std::uint64_t home) {
  Bucket* bucket = &home_[home];
  while (bucket->next() != 0) bucket = &overflow_[bucket->next()];
  return *bucket;
}

// Every bucket of a home but the last is full.
void HeldTable::AppendTo(Bucket& last, NodeId id, Set set) {
  Bucket* bucket = &last;
  if (bucket->used() == kPlaces) {
    const std::uint32_t overflow = TakeOverflow();
    bucket->SetNext(overflow);
    bucket = &overflow_[overflow];
  }
  const std::uint32_t place = bucket->used();
  bucket->ids[place] = id;
  bucket->sets[place] = set;
  bucket->SetUsed(place + 1);
}

void HeldTable::TakeOut(std::uint64_t home, Bucket& bucket, std::uint32_t place) {
  Bucket *last = &home_[home], *before = nullptr;
  while (last->next() != 0) {
    before = last;
    last = &overflow_[last->next()];
  }
  const std::uint32_t left = last->used() - 1;
  bucket.ids[place] = last->ids[left];
  bucket.sets[place] = last->sets[left];
  last->SetUsed(left);
  if (left == 0 && before != nullptr) {
    const std::uint32_t overflow = before->next();
    before->SetNext(0);
    LeaveOverflow(overflow);
  }
  if (--count_ < homes_ * kBlocksPerHome / 2 && homes_ > kHomesMin) Merge();
}

std::uint32_t HeldTable::TakeOverflow() {
  ++overflow_used_;
  std::uint32_t overflow = overflow_free_;
  if (overflow != 0) {
    overflow_free_ = overflow_[overflow].next();
  } else {
    overflow = ++overflow_made_;
    PREFIXMESH_CHECK(overflow <= kOverflowMax);
    overflow_.Reach(overflow + std::uint64_t{1});
  }
  overflow_[overflow].link = 0;
  return overflow;
}

void HeldTable::LeaveOverflow(std::uint32_t overflow) {
  overflow_[overflow].SetNext(overflow_free_);
  overflow_free_ = overflow;
  if (--overflow_used_ > 0) return;
  overflow_made_ = overflow_free_ = 0;
  overflow_.GiveBack(0);
}

void HeldTable::Empty(std::uint64_t home) {
  moving_.clear();
  Bucket& first = home_[home];
  for (Bucket* bucket = &first;;) {
    for (std::uint32_t i = 0; i < bucket->used(); ++i) moving_.emplace_back(bucket->ids[i], bucket->sets[i]);
    if (bucket->next() == 0) break;
    bucket = &overflow_[bucket->next()];
  }
  for (std::uint32_t overflow = first.next(); overflow != 0;) {
    const std::uint32_t next = overflow_[overflow].next();
    LeaveOverflow(overflow);  // the last of all gives the buckets back
    overflow = next;
  }
  first.link = 0;
}

void HeldTable::Split() {
  home_.Reach(homes_ + 1);
  Empty(homes_ - (mask_ + 1));
  ++homes_;
  if (homes_ == 2 * (mask_ + 1)) mask_ = 2 * mask_ + 1;
  for (const auto& [id, set] : moving_) Append(HomeOf(id), id, set);
}

void HeldTable::Merge() {
  Empty(homes_ - 1);
  if (homes_ == mask_ + 1) mask_ >>= 1;
  --homes_;
  const std::uint64_t into = homes_ - (mask_ + 1);
  for (const auto& [id, set] : moving_) Append(into, id, set);
  home_.GiveBack(homes_);
}

std::uint64_t HeldTable::bytes() const {
  return home_.bytes() + overflow_.bytes() + moving_.capacity() * sizeof(moving_[0]);
}

}  // namespace prefixmesh
