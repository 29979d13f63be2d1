#include "impl/tree/held_index.h"

#include <algorithm>

#include "impl/base/check.h"
#include "impl/base/seeded_bug.h"

namespace prefixmesh {
namespace {

constexpr Holder kNoHolder{0xffff};

// The set that each of a row of sets becomes by one holder more or less: neighbours are mostly the same set.
class Change {
 public:
  Change(HolderSets& sets, Holder holder, bool more) : sets_(sets), holder_(holder), more_(more) {}
  HolderSets::Set Of(HolderSets::Set set) {
    if (!known_ || set != from_) {
      to_ = more_ ? sets_.With(set, holder_) : sets_.Without(set, holder_);
      from_ = set;
      known_ = true;
    }
    return to_;
  }

 private:
  HolderSets& sets_;
  const Holder holder_;
  const bool more_;
  bool known_ = false;
  HolderSets::Set from_ = HolderSets::kEmpty, to_ = HolderSets::kEmpty;
};

}  // namespace

HeldIndex::HeldIndex(const HeldIndexOptions& options) : options_(options), told_(sets_, options.seed) {
  DescentLock lock(mutex_);
  workers_.reserve(64);  // so that the first matches do not allocate either
  walk_.all.reserve(64);
  walk_.left.reserve(64);
  walk_.told.reserve(512);
  keep_.reserve(64);
}

// ---- what workers tell ----------------------------------------------------------------------------------------------

std::optional<Holder> HeldIndex::HolderOf(WorkerIndex worker) const {
  if (worker.value >= holder_of_.size() || holder_of_[worker.value] == kNoHolder) return std::nullopt;
  return holder_of_[worker.value];
}

Holder HeldIndex::HolderFor(WorkerIndex worker) {
  if (const std::optional<Holder> known = HolderOf(worker)) return *known;
  if (holder_of_.size() <= worker.value) holder_of_.resize(worker.value + std::size_t{1}, kNoHolder);
  Holder holder{static_cast<std::uint16_t>(lives_.size())};
  if (!free_holders_.empty()) {
    holder = free_holders_.back();
    free_holders_.pop_back();
  } else {
    // Clear keeps the number of unswept ones low, and every other dead one has an expectation.
    PREFIXMESH_CHECK(lives_.size() < kNoHolder.value);
    lives_.emplace_back();
  }
  lives_[holder.value] = Life{.worker = worker, .live = true};
  holder_of_[worker.value] = holder;
  sets_.Retain(sets_.With(HolderSets::kEmpty, holder));  // as long as it lives: it would come and go all the time
  return holder;
}

void HeldIndex::FreeIfGone(Holder holder) {
  Life& life = lives_[holder.value];
  if (life.live || life.worker == kNoWorker || life.told.blocks + life.expectations > 0) return;
  life.worker = kNoWorker;
  sets_.Release(sets_.With(HolderSets::kEmpty, holder));
  free_holders_.push_back(holder);
  --dead_;
}

void HeldIndex::SetHeard(WorkerIndex worker, bool heard) {
  const std::uint64_t bit = std::uint64_t{1} << worker.value % kBits;
  std::atomic<std::uint64_t>& bits = heard_[worker.value / kBits];
  heard ? bits.fetch_or(bit, std::memory_order_relaxed) : bits.fetch_and(~bit, std::memory_order_relaxed);
}

HeldIndex::Stored HeldIndex::Store(std::optional<NodeId> parent, std::span<const NodeId> ids, WorkerIndex worker) {
  Stored stored;
  for (std::size_t begin = 0; begin < ids.size(); begin += kTurnBlocks) {
    const std::span<const NodeId> turn = ids.subspan(begin, std::min(kTurnBlocks, ids.size() - begin));
    DescentLock lock(mutex_, DescentLock::InTurn());
    const Holder holder = HolderFor(worker);
    Life& life = lives_[holder.value];
    if (begin == 0 && parent && !sets_.Contains(told_.Find(*parent), holder)) {
      stored.told = life.full ? Told::kFull : Told::kOrphan;
      (life.full ? full_ : orphans_) += life.full ? ids.size() : 1;
      return stored;
    }
    StoreTurn(turn, holder, stored);
  }
  return stored;
}

void HeldIndex::StoreTurn(std::span<const NodeId> turn, Holder holder, Stored& stored) {
  Life& life = lives_[holder.value];
  const std::uint64_t bytes = BytesLocked();
  const bool no_blocks = bytes >= options_.budget_bytes;
  const bool no_sets = bytes >= options_.budget_bytes + options_.budget_bytes / 8;
  Change more(sets_, holder, true);
  for (std::size_t i = 0; i < std::min(kAhead, turn.size()); ++i) told_.Prefetch(turn[i]);
  for (std::size_t i = 0; i < turn.size(); ++i) {
    if (i + kAhead < turn.size()) told_.Prefetch(turn[i + kAhead]);
    told_.Update(turn[i], [&](Set before) PREFIXMESH_NO_THREAD_SAFETY_ANALYSIS {
      if (no_sets ? !sets_.Contains(before, holder) : no_blocks && before == HolderSets::kEmpty) {
        ++full_;
        life.full = true;
        stored.told = Told::kFull;
        return before;
      }
      const Set after = more.Of(before);
      if (after != before) {
        life.told.Add(turn[i]);
        ++stored.blocks;
      }
      return after;
    });
    if (life.expectations > 0) expected_.EndWith(turn[i], holder);
  }
}

std::size_t HeldIndex::Remove(std::span<const NodeId> ids, WorkerIndex worker) {
  std::size_t held = 0;
  for (std::size_t begin = 0; begin < ids.size(); begin += kTurnBlocks) {
    const std::span<const NodeId> turn = ids.subspan(begin, std::min(kTurnBlocks, ids.size() - begin));
    DescentLock lock(mutex_, DescentLock::InTurn());
    const std::optional<Holder> holder = HolderOf(worker);
    if (!holder || Seeded(Bug::kkv_removal_ignored)) return held;
    Change fewer(sets_, *holder, false);
    for (const NodeId id : turn) told_.Prefetch(id);
    for (const NodeId id : turn) {
      bool was_held = false;
      told_.Update(id, [&](Set before) PREFIXMESH_NO_THREAD_SAFETY_ANALYSIS {
        const Set after = fewer.Of(before);
        was_held = after != before;
        return after;
      });
      if (!was_held) continue;
      lives_[holder->value].told.Remove(id);
      ++held;
    }
  }
  return held;
}

void HeldIndex::Clear(WorkerIndex worker) {
  constexpr std::size_t kUnsweptMax = 1u << 14;
  bool crowded = false;
  {
    DescentLock lock(mutex_);
    const std::optional<Holder> holder = HolderOf(worker);
    if (!holder) return;
    holder_of_[worker.value] = kNoHolder;
    Life& life = lives_[holder->value];
    life.live = false;
    ++dead_;
    if (life.told.blocks > 0) ++unswept_;
    FreeIfGone(*holder);
    crowded = unswept_ > kUnsweptMax;
  }
  while (crowded && Sweep()) {
  }
}

bool HeldIndex::Sweep() {
  constexpr std::uint64_t kTurnHomes = kTurnBlocks / 4;
  DescentLock lock(mutex_);
  for (std::uint64_t turn = 0; turn < kTurnHomes && unswept_ > 0; ++turn) {
    if (hand_ >= told_.homes()) hand_ = 0;
    told_.Rewrite(hand_++, [&](Set set) PREFIXMESH_NO_THREAD_SAFETY_ANALYSIS {
      return sets_.Filtered(set, [&](Holder holder) PREFIXMESH_NO_THREAD_SAFETY_ANALYSIS {
        Life& life = lives_[holder.value];
        if (life.live) return true;
        if (--life.told.blocks == 0) {  // of a dead one nobody asks for the sum
          --unswept_;
          gone_.push_back(holder);
        }
        return false;
      });
    });
    for (const Holder holder : gone_) FreeIfGone(holder);
    gone_.clear();
  }
  return unswept_ > 0;
}

void HeldIndex::Insert(const Prompt& prompt, WorkerIndex worker) { (void)Store(std::nullopt, prompt.blocks, worker); }

// Blocks below it are no match any more, whatever the table says.
void HeldIndex::RemovePrefix(const Prompt& prompt, WorkerIndex worker) {
  if (!prompt.blocks.empty()) (void)Remove(prompt.blocks.last(1), worker);
}

bool HeldIndex::Holds(NodeId id, WorkerIndex worker) const {
  DescentLock lock(mutex_);
  const std::optional<Holder> holder = HolderOf(worker);
  return holder && sets_.Contains(told_.Find(id), *holder);
}

BlockSum HeldIndex::SumOf(WorkerIndex worker) const {
  DescentLock lock(mutex_);
  const std::optional<Holder> holder = HolderOf(worker);
  return holder ? lives_[holder->value].told : BlockSum{};
}

std::size_t HeldIndex::CountHeld(std::span<const NodeId> ids, WorkerIndex worker) const {
  std::size_t held = 0;
  while (!ids.empty()) {
    const std::span<const NodeId> turn = ids.first(std::min(ids.size(), kTurnBlocks));
    ids = ids.subspan(turn.size());
    DescentLock lock(mutex_, DescentLock::InTurn());
    const std::optional<Holder> holder = HolderOf(worker);
    if (!holder) return held;
    for (const NodeId id : turn) held += sets_.Contains(told_.Find(id), *holder);
  }
  return held;
}

// ---- what is expected -----------------------------------------------------------------------------------------------

HeldIndex::Expectation HeldIndex::Expect(std::span<const NodeId> ids, std::uint32_t depth, WorkerIndex worker) {
  if (!heard(worker) || BytesLocked() >= options_.budget_bytes || expected_.count() >= kExpectationsMax) return 0;
  const Holder holder = HolderFor(worker);
  ++lives_[holder.value].expectations;
  return expected_.Add(holder, ids.subspan(depth));
}

void HeldIndex::Forget(Expectation expectation) {
  if (expectation == 0 || Seeded(Bug::kkv_expected_for_ever)) return;
  DescentLock lock(mutex_);
  const Holder holder = expected_.Remove(expectation);
  --lives_[holder.value].expectations;
  FreeIfGone(holder);
}

// ---- sizes ----------------------------------------------------------------------------------------------------------

std::uint64_t HeldIndex::BytesLocked() const {
  return sizeof(HeldIndex) + sets_.bytes() + told_.bytes() + expected_.bytes() + lives_.capacity() * sizeof(Life) +
         (holder_of_.capacity() + free_holders_.capacity()) * sizeof(Holder);
}

TreeSize HeldIndex::Size() const {
  DescentLock lock(mutex_);
  TreeSize size;
  size.nodes = told_.count();
  size.bytes = BytesLocked();
  size.budget_bytes = options_.budget_bytes;
  size.forgotten = full_;
  return size;
}

HeldIndex::Counts HeldIndex::counts() const {
  DescentLock lock(mutex_);
  return {orphans_, full_, sets_.count(), expected_.count(), dead_};
}

}  // namespace prefixmesh
