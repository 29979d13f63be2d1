#include "impl/tree/block_index.h"

#include <algorithm>

#include "impl/base/seeded_bug.h"

namespace prefixmesh {

BlockIndex::BlockIndex(const BlockIndexOptions& options)
    : options_(options),
      budget_bytes_(std::max(options.budget_bytes, kBudgetBytesMin)),
      announced_max_(budget_bytes_ / 4 / BlockEdges::kEdgeBytes * 3 / 4) {
  DescentLock lock(mutex_);
  constexpr std::size_t kHoldersUsual = 64;  // so that the first matches do not allocate either
  holders_.reserve(kHoldersUsual);
}

// ---- descent --------------------------------------------------------------------------------------------------------

BlockIndex::Descent BlockIndex::Descend(std::span<const NodeId> ids) const {
  Descent descent;
  // Whose holders are asked for when the run has been compared.
  static_cast<BlockChains::Descent&>(descent) =
      chains_.Descend(ids, [&](NodeId end) PREFIXMESH_NO_THREAD_SAFETY_ANALYSIS { edges_.PrefetchEntry(end); });
  // Announced ids below the chains, deepest first. (An own edge below them cannot be: its chain would have matched.)
  // Independent look-ups: prefetching lets them overlap.
  if (edges_.announced() == 0) return descent;
  constexpr std::size_t kAhead = 16;
  const std::size_t floor = descent.matched;
  for (std::size_t i = ids.size(); i > floor && i + kAhead > ids.size(); --i) edges_.Prefetch(ids[i - 1]);
  for (std::size_t i = ids.size(); i > floor; --i) {
    if (i > floor + kAhead) edges_.Prefetch(ids[i - 1 - kAhead]);
    if (!edges_.HeldByAnyone(ids[i - 1])) continue;
    descent.announced = static_cast<std::uint32_t>(i);
    break;
  }
  return descent;
}

// Upwards from the deepest match: ends of runs and announced ids. Who holds a prefix holds all that is shorter, so the
// holders add up. Of a long prompt only so many depths are looked at: the lock is held.
constexpr std::size_t kLooksMax = 512;
class BlockIndex::Shallower final : public ShallowerMatches {
 public:
  Shallower(BlockIndex& index, std::span<const NodeId> ids, const Descent& descent, std::uint64_t block_bytes)
      : index_(index),
        ids_(ids),
        descent_(descent),
        depth_(std::max(descent.matched, descent.announced)),
        block_bytes_(block_bytes) {}

  bool Next(std::uint64_t bytes_min, TreeMatch& match) PREFIXMESH_NO_THREAD_SAFETY_ANALYSIS override {
    constexpr std::size_t kAhead = 16;
    const std::size_t known = index_.holders_.size();
    const auto least = static_cast<std::size_t>((bytes_min + block_bytes_ - 1) / block_bytes_);
    while (depth_ > std::max<std::size_t>(least, 1) && looks_ < kLooksMax) {
      --depth_;
      ++looks_;
      if (depth_ > kAhead) index_.edges_.Prefetch(ids_[depth_ - kAhead]);
      const NodeId id = ids_[depth_ - 1];
      // Where the own match ended inside a run, its holders stand at the run's end.
      if (depth_ == descent_.matched && descent_.in_last < index_.chains_.length(descent_.last))
        index_.edges_.CollectHolders(index_.chains_.end(descent_.last), /*own_only=*/true, index_.holders_);
      if (index_.edges_.HeldByAnyone(id)) index_.edges_.CollectHolders(id, /*own_only=*/false, index_.holders_);
      if (index_.holders_.size() == known) continue;
      match.matched_bytes = depth_ * block_bytes_;
      match.holders = index_.holders_;
      return true;
    }
    return false;
  }

 private:
  BlockIndex& index_;
  const std::span<const NodeId> ids_;
  const Descent& descent_;
  std::size_t depth_, looks_ = 0;
  const std::uint64_t block_bytes_;
};

Insertion BlockIndex::MatchAndInsert(const Prompt& prompt, Chooser choose) {
  const std::span<const NodeId> ids = prompt.blocks;
  DescentLock lock(mutex_);
  if (!ids.empty()) edges_.PrefetchEntry(ids.back());  // for the insert
  const Descent descent = Descend(ids);
  const std::uint32_t depth = std::max(descent.matched, descent.announced);
  holders_.clear();
  if (descent.announced > 0) {
    edges_.CollectHolders(ids[descent.announced - 1], /*own_only=*/false, holders_);
  } else if (descent.matched > 0) {
    // Whoever of ours holds the whole run holds the part of it that matched; and the id itself may have been announced.
    if (descent.in_last < chains_.length(descent.last))
      edges_.CollectHolders(chains_.end(descent.last), /*own_only=*/true, holders_);
    edges_.CollectHolders(ids[descent.matched - 1], /*own_only=*/false, holders_);
  }
  TreeMatch match;
  match.prompt_bytes = ids.size() * std::uint64_t{BlockBytes(prompt.kind)};
  match.matched_bytes = std::uint64_t{depth} * BlockBytes(prompt.kind);
  match.holders = holders_;
  Shallower shallower(*this, ids, descent, BlockBytes(prompt.kind));
  match.shallower = &shallower;

  Insertion insertion;
  insertion.matched_bytes = match.matched_bytes;
  insertion.branch_depth = depth;
  insertion.leaf_depth = static_cast<std::uint32_t>(ids.size());
  insertion.worker = choose(match);
  if (insertion.worker.has_value()) {
    if (!ids.empty()) InsertLocked(ids, prompt.scope, descent, *insertion.worker, insertion);
  } else if (descent.last != kNone) {
    chains_.Touch(descent.last);
  }
  return insertion;
}

void BlockIndex::Insert(const Prompt& prompt, WorkerIndex worker) {
  MatchAndInsert(prompt, [&](const TreeMatch&) { return std::optional<WorkerIndex>(worker); });
}

void BlockIndex::Depths(const Prompt& prompt, std::vector<WorkerPrefix>& out) const {
  const std::span<const NodeId> ids = prompt.blocks;
  const std::uint64_t block_bytes = BlockBytes(prompt.kind);
  const std::size_t first = out.size();
  std::uint64_t depth = 0;
  const auto note = [&](WorkerIndex worker) {
    const auto at = std::lower_bound(out.begin() + static_cast<std::ptrdiff_t>(first), out.end(), worker,
                                     [](const WorkerPrefix& have, WorkerIndex want) { return have.worker < want; });
    if (at == out.end() || at->worker != worker) {
      out.insert(at, {worker, depth * block_bytes});
    } else {
      at->bytes = std::max(at->bytes, depth * block_bytes);
    }
  };
  DescentLock lock(mutex_);
  const Descent descent = Descend(ids);
  depth = descent.matched;
  if (descent.last != kNone) edges_.ForEachHolder(chains_.end(descent.last), /*own_only=*/true, note);
  for (depth = 1; depth <= ids.size(); ++depth) edges_.ForEachHolder(ids[depth - 1], /*own_only=*/false, note);
}

bool BlockIndex::Holds(NodeId id, WorkerIndex worker) const {
  DescentLock lock(mutex_);
  return id.value != 0 && edges_.Holds(id, worker);
}

// ---- insert ---------------------------------------------------------------------------------------------------------

void BlockIndex::InsertLocked(std::span<const NodeId> ids, std::uint16_t scope, const Descent& descent,
                              WorkerIndex worker, Insertion& insertion) {
  const NodeId leaf = ids.back();
  std::uint32_t last = descent.last;
  const bool ends_inside = last != kNone && descent.in_last < chains_.length(last);
  const bool matched_whole = descent.matched == ids.size();
  const bool held_below = last != kNone && edges_.HoldsOwn(chains_.end(last), worker);

  // Whether this placement is news to the mesh; if it is, its own edge is pending until a round has collected it.
  BlockEdges::Announced announced = edges_.AnnouncedOf(leaf, worker);
  if (ends_inside && matched_whole && held_below) {
    // The prompt ends inside a run that this worker holds to its end: what announced the whole run announced this too.
    announced.known = true;
    announced.youngest = std::max(announced.youngest, edges_.AnnouncedOf(chains_.end(last), worker).youngest);
    if (announced.fresh()) {
      insertion.repeat = true;
      chains_.Touch(last);
      return;
    }
    // To be announced by itself it needs an edge of its own: the run is cut here.
  }
  if (insertion.branch_depth > 0)
    insertion.branch = edges_.AnnouncedOf(ids[insertion.branch_depth - 1], worker).youngest;
  insertion.repeat = announced.known;
  insertion.refresh = announced.known && !announced.fresh();
  const std::uint32_t leaf_seq = announced.fresh() ? BlockEdges::kSeqNone : BlockEdges::kSeqPending;

  if (ends_inside) {
    // Whoever of ours holds the whole run holds its upper part too.
    const NodeId upper_end = ids[descent.matched - 1], lower_end = chains_.end(last);
    last = chains_.Split(last, descent.in_last, upper_end);
    edges_.CopyOwn(lower_end, upper_end);
  }
  if (insertion.refresh) edges_.StampOwn(leaf, worker, BlockEdges::kSeqPending);
  // Whoever holds a run holds all above it, so the climb ends at the first that has the worker.
  for (std::uint32_t slot = last; slot != kNone && !edges_.HoldsOwn(chains_.end(slot), worker);
       slot = chains_.parent(slot)) {
    // Where two ids share a fingerprint the run is another prompt's, which is not announced with this one.
    const bool is_leaf = chains_.end(slot) == leaf || Seeded(Bug::kbranch_counts_as_told);
    edges_.AddOwn(chains_.end(slot), worker, is_leaf ? leaf_seq : BlockEdges::kSeqNone);
  }
  if (!matched_whole) {
    last = chains_.Add(last, ids.subspan(descent.matched), scope);
    if (!edges_.HoldsOwn(leaf, worker)) edges_.AddOwn(leaf, worker, leaf_seq);
  }
  LifeOf(worker).has_edges = true;
  chains_.Touch(last);
  EvictLocked();
}

// ---- announced ids --------------------------------------------------------------------------------------------------

void BlockIndex::ApplyIds(std::span<const NodeId> ids, WorkerIndex worker, std::uint16_t origin, std::uint32_t seq,
                          Incarnation incarnation) {
  if (origin == 0 || origin > kOriginsMax || seq == BlockEdges::kSeqNone || seq == BlockEdges::kSeqPending) return;
  DescentLock lock(mutex_);
  RaiseLocked(worker, incarnation);
  Life& life = LifeOf(worker);
  if (incarnation < life.incarnation) return;
  life.has_edges = true;
  for (const NodeId id : ids)
    if (id.value != 0) edges_.Apply(id, worker, origin, seq);
  EvictLocked();
}

void BlockIndex::RetractIds(std::span<const NodeId> ids, WorkerIndex worker, std::uint16_t origin, std::uint32_t seq) {
  DescentLock lock(mutex_);
  for (const NodeId id : ids)
    if (id.value != 0) edges_.Retract(id, worker, origin, seq);
}

void BlockIndex::RetractBelow(std::uint16_t origin, std::uint32_t seq) {
  std::vector<DumpedEdge> below;
  {
    DescentLock lock(mutex_);
    below = edges_.AnnouncedBelow(origin, seq);
  }
  constexpr std::size_t kTurn = 256;
  for (std::size_t i = 0; i < below.size(); i += kTurn) {
    DescentLock lock(mutex_);
    for (std::size_t k = i; k < std::min(i + kTurn, below.size()); ++k) {
      if (origin == 0) {
        edges_.StampOwn(below[k].id, below[k].worker, BlockEdges::kSeqNone);
      } else {
        edges_.Retract(below[k].id, below[k].worker, origin, below[k].seq);
      }
    }
  }
}

void BlockIndex::StampOwn(std::span<const NodeId> ids, WorkerIndex worker, std::uint32_t seq, Incarnation incarnation) {
  DescentLock lock(mutex_);
  if (incarnation != LifeOf(worker).incarnation) return;
  for (const NodeId id : ids) edges_.StampOwn(id, worker, seq);
}

void BlockIndex::SetRefreshMark(std::uint16_t origin, std::uint32_t seq) {
  DescentLock lock(mutex_);
  edges_.SetRefreshMark(origin, seq);
}

// ---- removal --------------------------------------------------------------------------------------------------------

void BlockIndex::EvictLocked() {
  while (edges_.announced() > announced_max_ && edges_.ForgetOne()) ++forgotten_.announced;
  while (BytesLocked() > budget_bytes_ && chains_.oldest() != kNone) {
    edges_.EraseOwn(chains_.end(chains_.oldest()));
    chains_.Free(chains_.oldest());
    ++forgotten_.runs;
  }
}

void BlockIndex::Evict() {
  DescentLock lock(mutex_);
  EvictLocked();
}

void BlockIndex::RemoveWorker(WorkerIndex worker) {
  DescentLock lock(mutex_);
  RemoveWorkerLocked(worker);
}

void BlockIndex::RemoveWorkerLocked(WorkerIndex worker) {
  Life& life = LifeOf(worker);
  if (!life.has_edges) return;
  life.has_edges = false;
  edges_.RemoveWorker(worker);
  chains_.FreeUnless([&](NodeId end) PREFIXMESH_NO_THREAD_SAFETY_ANALYSIS { return edges_.HeldByUs(end); });
}

void BlockIndex::RemovePrefix(const Prompt& prompt, WorkerIndex worker) {
  const std::span<const NodeId> ids = prompt.blocks;
  if (ids.empty()) return;
  DescentLock lock(mutex_);
  const BlockChains::Descent descent = chains_.Descend(ids, [](NodeId) {});
  if (descent.matched == ids.size() && edges_.HoldsOwn(chains_.end(descent.last), worker)) {
    if (descent.in_last > 1) {
      // Above the prefix's last block the worker stays.
      const NodeId upper_end = ids[ids.size() - 2], lower_end = chains_.end(descent.last);
      chains_.Split(descent.last, descent.in_last - 1, upper_end);
      edges_.CopyOwn(lower_end, upper_end);
    }
    RemoveOwnFrom(descent.last, worker);
  }
  edges_.Remove(ids.back(), worker, /*own_only=*/false);
  EvictLocked();  // a cut takes memory
}

void BlockIndex::RemoveOwnFrom(std::uint32_t slot, WorkerIndex worker) {
  std::vector<std::uint32_t> held;
  chains_.ForEachFrom(slot, [&](std::uint32_t run) PREFIXMESH_NO_THREAD_SAFETY_ANALYSIS {
    if (edges_.HoldsOwn(chains_.end(run), worker)) held.push_back(run);
  });
  if (Seeded(Bug::kremoval_keeps_below)) held = {slot};
  for (const std::uint32_t run : held) edges_.Remove(chains_.end(run), worker, /*own_only=*/true);
  for (const std::uint32_t run : held)
    chains_.FreeUpwards(run, [&](NodeId end) PREFIXMESH_NO_THREAD_SAFETY_ANALYSIS { return edges_.HeldByUs(end); });
}

BlockIndex::Life& BlockIndex::LifeOf(WorkerIndex worker) {
  if (lives_.size() <= worker.value) lives_.resize(worker.value + std::size_t{1});
  return lives_[worker.value];
}

void BlockIndex::RaiseIncarnation(WorkerIndex worker, Incarnation incarnation) {
  DescentLock lock(mutex_);
  RaiseLocked(worker, incarnation);
}

void BlockIndex::RaiseLocked(WorkerIndex worker, Incarnation incarnation) {
  Life& life = LifeOf(worker);
  if (incarnation <= life.incarnation) return;
  life.incarnation = incarnation;
  if (!Seeded(Bug::kX14_old_life_stays)) RemoveWorkerLocked(worker);
}

// ---- sizes ----------------------------------------------------------------------------------------------------------

std::uint64_t BlockIndex::BytesLocked() const {
  return chains_.bytes() + edges_.bytes() + lives_.capacity() * sizeof(Life) + sizeof(BlockIndex);
}

TreeSize BlockIndex::Size() const {
  DescentLock lock(mutex_);
  return {chains_.count(), BytesLocked(), budget_bytes_, forgotten_.runs + forgotten_.announced};
}

BlockIndex::Forgotten BlockIndex::ForgottenCounts() const {
  DescentLock lock(mutex_);
  return forgotten_;
}

std::vector<DumpedEdge> BlockIndex::Dump() const {
  std::vector<DumpedEdge> all;
  {
    DescentLock lock(mutex_);
    all = edges_.Dump();
  }
  std::sort(all.begin(), all.end());
  return all;
}

BlockIndex::ScopeSize BlockIndex::SizeOf(std::uint16_t scope) const {
  DescentLock lock(mutex_);
  return chains_.SizeOf(scope);
}

}  // namespace prefixmesh
