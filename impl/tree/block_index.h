// block_index.h — which workers hold which prefixes, named by block ids: no text is kept. The default index.
//
// Two parts share one budget and one lock:
//
//   chains: what this router routed itself, exact to the block (block_chains.h).
//   edges:  (id, worker, origin, seq): this worker holds the prefix named by id (block_edges.h). The end of every run
//           has edges; so has every bare id that a peer announced (leaf, branch, anchors), which matches at exactly
//           that depth.
//
//        root ──[b1 b2 … b250]── edges {w3 own, w9 from peer 1 at seq 17}
//                   ├──[b251 … b312]  edges {w3 own}
//                   └──[b251' … b312'] edges {w9 own}
//
// A fingerprint can only overstate a match (2^-32 per block compared): a wrong score, never a wrong answer.
// One object serves all models and kinds, because ids are separated by both: one budget, one LRU.
//
// Recency: chains by an exact LRU of nodes (a leaf is never younger than its parent); announced edges by a clock with
// one reference bit. Dropping is forgetting: local, counted, never told to anyone.
// Threads: any, one mutex, held for one descent, and before it once to prefetch. Ownership: values. Errors: none.
// Bounds: options.budget_bytes over everything, exact to the allocation. Of that, announced edges get one for every 85
// bytes: 786,432 of 64 MiB, which take 17 bytes each and, with the free places of their table, 19 to 39.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "impl/tree/block_chains.h"
#include "impl/tree/block_edges.h"
#include "impl/tree/descent_mutex.h"
#include "impl/tree/tree.h"

namespace prefixmesh {

struct BlockIndexOptions {
  // Less than kBudgetBytesMin counts as that: tables that hold a little of everything take so much.
  std::uint64_t budget_bytes = 64u << 20;
  std::uint32_t text_block_bytes = 256;
  std::uint32_t tokens_block_bytes = 64;
};

class BlockIndex final : public PrefixTree {
 public:
  static constexpr std::uint64_t kBudgetBytesMin = 256 << 10;

  explicit BlockIndex(const BlockIndexOptions& options);
  BlockIndex(const BlockIndex&) = delete;
  BlockIndex& operator=(const BlockIndex&) = delete;

  // PrefixTree. The fully matched path allocates nothing.
  Insertion MatchAndInsert(const Prompt& prompt, Chooser choose) override;
  void Insert(const Prompt& prompt, WorkerIndex worker) override;
  void Depths(const Prompt& prompt, std::vector<WorkerPrefix>& out) const override;
  void RemoveWorker(WorkerIndex worker) override;
  // Of this router's own chains all that begins so goes; of what peers announced only the id of the prefix itself, for
  // ids do not say what lies below. Each cut of a run that others still hold makes one more run. One descent; a walk
  // over all runs where the prefix has runs below it.
  void RemovePrefix(const Prompt& prompt, WorkerIndex worker) override;
  void Evict() override;
  TreeSize Size() const override;

  // The chains of one Prompt::scope; announced ids and tables belong to no scope. O(1).
  using ScopeSize = BlockChains::ScopeSize;
  ScopeSize SizeOf(std::uint16_t scope) const;
  static constexpr std::uint16_t kScopesMax = BlockChains::kScopesMax;

  // Whether `id` itself is known to be held by `worker`: the end of a run, or announced. One look-up. An id inside a
  // run is not found by its id alone; Depths finds it, given the prompt. Marks nothing as used.
  bool Holds(NodeId id, WorkerIndex worker) const;

  // What the budget dropped, ever; TreeSize::forgotten is their sum. O(1).
  struct Forgotten {
    std::uint64_t runs = 0;       // of this router's own chains, least recently used first
    std::uint64_t announced = 0;  // entries (id, worker, origin) that peers announced
  };
  Forgotten ForgottenCounts() const;

  // Every entry (id, worker, origin, seq), sorted. Indexes that were told the same announcements, in any order, have
  // the same entries of peers; own ones stand at the ends of runs. (An id names its model and kind as well.) Walks
  // everything under the lock: for tests and the simulator only.
  std::vector<DumpedEdge> Dump() const;

  // The peer with this origin slot (1…) announced at `seq` (1 … 2^32 - 2) that `worker` holds the prefixes named by
  // `ids`. Per (id, worker, origin) the latest seq stays. An origin, a seq or an id that cannot be is ignored, and so
  // is what speaks of an older life of the worker; what speaks of a newer one raises it first.
  void ApplyIds(std::span<const NodeId> ids, WorkerIndex worker, std::uint16_t origin, std::uint32_t seq,
                Incarnation incarnation = {});
  // That record left its origin's window: removes exactly what still carries `seq`.
  void RetractIds(std::span<const NodeId> ids, WorkerIndex worker, std::uint16_t origin, std::uint32_t seq);
  // All that `origin` announced below `seq` is taken back; for origin 0, this router's announcements below it count as
  // never made. One walk, then short turns under the lock, so that no decision waits for more than the walk.
  void RetractBelow(std::uint16_t origin, std::uint32_t seq);
  // This router's own announcement of `ids`, about this life of the worker, got its seq: kept where a run ends at one.
  void StampOwn(std::span<const NodeId> ids, WorkerIndex worker, std::uint32_t seq, Incarnation incarnation = {});
  // The worker's register rose: its cache is empty, so all that is known of its older lives goes, and what is announced
  // about them is refused from here on. That is one step under the lock: whatever races with it, nothing of an older
  // life is left afterwards. A value at or below the known one changes nothing.
  void RaiseIncarnation(WorkerIndex worker, Incarnation incarnation);
  // Announcements of `origin` below `seq` lie in the older half of its window.
  void SetRefreshMark(std::uint16_t origin, std::uint32_t seq);

  static constexpr std::uint16_t kOriginsMax = BlockEdges::kOriginsMax;

 private:
  static constexpr std::uint32_t kNone = BlockChains::kNone;

  struct Descent : BlockChains::Descent {
    std::uint32_t announced = 0;  // depth of the deepest announced id below `matched`, or 0
  };

  class Shallower;

  Descent Descend(std::span<const NodeId> ids) const PREFIXMESH_REQUIRES(mutex_);
  void InsertLocked(std::span<const NodeId> ids, std::uint16_t scope, const Descent& descent, WorkerIndex worker,
                    Insertion& insertion) PREFIXMESH_REQUIRES(mutex_);
  void EvictLocked() PREFIXMESH_REQUIRES(mutex_);
  void RemoveWorkerLocked(WorkerIndex worker) PREFIXMESH_REQUIRES(mutex_);
  // The worker off this run of our own and off all below it.
  void RemoveOwnFrom(std::uint32_t slot, WorkerIndex worker) PREFIXMESH_REQUIRES(mutex_);

  // The life of a worker that its edges are about; 0 while nobody said.
  struct Life {
    Incarnation incarnation;
    bool has_edges = false;  // or had some; a rise without is free
  };
  Life& LifeOf(WorkerIndex worker) PREFIXMESH_REQUIRES(mutex_);
  void RaiseLocked(WorkerIndex worker, Incarnation incarnation) PREFIXMESH_REQUIRES(mutex_);
  std::uint64_t BytesLocked() const PREFIXMESH_REQUIRES(mutex_);
  std::uint32_t BlockBytes(Kind kind) const {
    return kind == Kind::kText ? options_.text_block_bytes : options_.tokens_block_bytes;
  }

  const BlockIndexOptions options_;
  const std::uint64_t budget_bytes_;
  const std::uint64_t announced_max_;

  mutable DescentMutex mutex_;
  BlockChains chains_ PREFIXMESH_GUARDED_BY(mutex_);
  BlockEdges edges_ PREFIXMESH_GUARDED_BY(mutex_);
  std::vector<Life> lives_ PREFIXMESH_GUARDED_BY(mutex_);           // by worker
  std::vector<WorkerIndex> holders_ PREFIXMESH_GUARDED_BY(mutex_);  // scratch of one descent
  Forgotten forgotten_ PREFIXMESH_GUARDED_BY(mutex_);
};

}  // namespace prefixmesh
