#include "loadgen/worker/kv_cache.h"

#include <algorithm>

#include "impl/base/prng.h"

namespace prefixmesh::load {
namespace {

constexpr std::size_t kTableMin = 64;

}  // namespace

KvCache::KvCache(std::size_t capacity_blocks, HeldBlocks* held)
    : capacity_(capacity_blocks), held_(held), table_(kTableMin, kNone) {}

std::size_t KvCache::HomeOf(NodeId id) const { return Mix64(id.value) & (table_.size() - 1); }

std::uint32_t KvCache::Find(NodeId id) const {
  for (std::size_t slot = HomeOf(id);; slot = (slot + 1) & (table_.size() - 1)) {
    if (table_[slot] == kNone || entries_[table_[slot]].id == id) return table_[slot];
  }
}

void KvCache::PutSlot(NodeId id, std::uint32_t entry) {
  std::size_t slot = HomeOf(id);
  while (table_[slot] != kNone) slot = (slot + 1) & (table_.size() - 1);
  table_[slot] = entry;
}

// Takes the slot out and moves up what probed past it, so that no tombstones are needed.
void KvCache::EraseSlot(NodeId id) {
  const std::size_t mask = table_.size() - 1;
  std::size_t hole = HomeOf(id);
  while (entries_[table_[hole]].id != id) hole = (hole + 1) & mask;
  for (std::size_t slot = (hole + 1) & mask; table_[slot] != kNone; slot = (slot + 1) & mask) {
    const std::size_t home = HomeOf(entries_[table_[slot]].id);
    if (((slot - home) & mask) < ((slot - hole) & mask)) continue;  // its home lies behind the hole
    table_[hole] = table_[slot];
    hole = slot;
  }
  table_[hole] = kNone;
}

void KvCache::GrowTable() {
  table_.assign(table_.size() * 2, kNone);
  for (std::uint32_t entry = 0; entry < entries_.size(); ++entry) PutSlot(entries_[entry].id, entry);
}

void KvCache::Unlink(std::uint32_t entry) {
  const Entry& e = entries_[entry];
  (e.newer == kNone ? newest_ : entries_[e.newer].older) = e.older;
  (e.older == kNone ? oldest_ : entries_[e.older].newer) = e.newer;
}

void KvCache::LinkNewest(std::uint32_t entry) {
  entries_[entry].newer = kNone;
  entries_[entry].older = newest_;
  (newest_ == kNone ? oldest_ : entries_[newest_].newer) = entry;
  newest_ = entry;
}

void KvCache::Touch(std::uint32_t entry) {
  if (entry == newest_) return;
  Unlink(entry);
  LinkNewest(entry);
}

std::size_t KvCache::Peek(std::span<const NodeId> chain) const {
  std::size_t depth = 0;
  while (depth < chain.size() && Find(chain[depth]) != kNone) ++depth;
  return depth;
}

std::size_t KvCache::Match(std::span<const NodeId> chain) {
  const std::size_t depth = Peek(chain);
  for (std::size_t i = depth; i > 0; --i) Touch(Find(chain[i - 1]));
  return depth;
}

void KvCache::Insert(std::span<const NodeId> chain, CacheChange* change) {
  const std::size_t count = std::min(chain.size(), capacity_);
  std::size_t run_end = 0;  // of new blocks, which come last first; 0: none is open
  const auto close_run = [&](std::size_t begin) {
    if (change == nullptr || run_end == 0) return;
    change->stored.push_back(
        {begin > 0 ? std::optional<NodeId>(chain[begin - 1]) : std::nullopt,
         {chain.begin() + static_cast<std::ptrdiff_t>(begin), chain.begin() + static_cast<std::ptrdiff_t>(run_end)}});
    run_end = 0;
  };
  for (std::size_t i = count; i > 0; --i) {
    const NodeId id = chain[i - 1];
    if (const std::uint32_t found = Find(id); found != kNone) {
      close_run(i);
      Touch(found);
      continue;
    }
    if (run_end == 0) run_end = i;
    std::uint32_t entry = 0;
    if (used_ < capacity_) {
      entry = static_cast<std::uint32_t>(used_++);
      entries_.emplace_back();
    } else {
      entry = oldest_;
      if (held_ != nullptr) held_->Remove(entries_[entry].id);
      if (change != nullptr) change->removed.push_back(entries_[entry].id);
      sum_.Remove(entries_[entry].id);
      EraseSlot(entries_[entry].id);
      Unlink(entry);
      ++evicted_;
    }
    entries_[entry].id = id;
    entries_[entry].parent = i > 1 ? chain[i - 2] : NodeId{0};
    if (held_ != nullptr) held_->Add(id);
    sum_.Add(id);
    LinkNewest(entry);
    // The table must hold the new entry before growing, which walks all entries.
    if (used_ * 4 > table_.size() * 3) {
      GrowTable();
    } else {
      PutSlot(id, entry);
    }
  }
  close_run(0);
  if (change != nullptr) std::reverse(change->stored.begin(), change->stored.end());  // parents first
}

std::vector<CacheRun> KvCache::Runs() const {
  std::vector<CacheRun> runs;
  std::vector<bool> told(used_);
  std::vector<std::uint32_t> path;
  for (std::uint32_t entry = 0; entry < used_; ++entry) {
    path.clear();
    for (std::uint32_t at = entry; at != kNone && !told[at];) {
      told[at] = true;
      path.push_back(at);
      at = entries_[at].parent.value != 0 ? Find(entries_[at].parent) : kNone;
    }
    if (path.empty()) continue;
    CacheRun& run = runs.emplace_back();
    if (const NodeId parent = entries_[path.back()].parent; parent.value != 0) run.parent = parent;
    for (auto at = path.rbegin(); at != path.rend(); ++at) run.ids.push_back(entries_[*at].id);
  }
  return runs;
}

std::vector<NodeId> KvCache::Sample() const {
  std::vector<NodeId> ids;
  ids.reserve(sum_.sampled);
  for (std::uint32_t entry = 0; entry < used_; ++entry)
    if (BlockSum::InSample(entries_[entry].id)) ids.push_back(entries_[entry].id);
  return ids;
}

void KvCache::Clear() {
  if (held_ != nullptr)
    for (const Entry& entry : entries_) held_->Remove(entry.id);
  used_ = 0;
  sum_ = {};
  newest_ = oldest_ = kNone;
  entries_.clear();
  table_.assign(kTableMin, kNone);
}

}  // namespace prefixmesh::load
