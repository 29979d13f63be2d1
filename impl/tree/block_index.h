// block_index.h — which workers hold which prefixes, named by block ids: no text is kept. The default index.
//
// Two parts share one budget and one lock:
//
//   chains: what this router routed itself, exact to the block. A compressed radix tree over ids: a node is a run of
//           blocks that never branches, kept as 4-byte fingerprints of the chained ids (0.016 bytes per byte of
//           prompt).
//   edges:  (id, worker, origin, seq): this worker holds the prefix named by id. The end of every node has edges; so
//           has every bare id that a peer announced (leaf, branch, anchors), which matches at exactly that depth.
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
// Threads: any, one mutex, held for one descent. Ownership: values. Errors: none.
// Bounds: options.budget_bytes over everything, exact to the allocation; announced edges at most a quarter of it.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <vector>

#include "impl/base/mutex.h"
#include "impl/tree/segmented_table.h"
#include "impl/tree/tree.h"

namespace prefixmesh {

// A mutex that spins for some microseconds, longer than a descent takes, before it sleeps. With a lock that is held
// that briefly, putting a thread to sleep and waking it costs more than the wait: two threads that decide without a
// pause reach 1.7 to 1.8 times the rate of one with Mutex (base/mutex.h), which sleeps at once, and 1.75 to 1.95 with
// this (docs/benchmarks.md).
class PREFIXMESH_CAPABILITY("mutex") DescentMutex {
 public:
  void Lock() PREFIXMESH_ACQUIRE();
  void Unlock() PREFIXMESH_RELEASE() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class PREFIXMESH_SCOPED_CAPABILITY DescentLock {
 public:
  explicit DescentLock(DescentMutex& mutex) PREFIXMESH_ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~DescentLock() PREFIXMESH_RELEASE() { mutex_.Unlock(); }
  DescentLock(const DescentLock&) = delete;
  DescentLock& operator=(const DescentLock&) = delete;

 private:
  DescentMutex& mutex_;
};

struct BlockIndexOptions {
  std::uint64_t budget_bytes = 64u << 20;
  std::uint32_t text_block_bytes = 256;
  std::uint32_t tokens_block_bytes = 64;
};

class BlockIndex final : public PrefixTree {
 public:
  explicit BlockIndex(const BlockIndexOptions& options);
  ~BlockIndex() override;
  BlockIndex(const BlockIndex&) = delete;
  BlockIndex& operator=(const BlockIndex&) = delete;

  // PrefixTree. The fully matched path allocates nothing.
  Insertion MatchAndInsert(const Prompt& prompt, std::uint64_t now, Chooser choose) override;
  void Insert(const Prompt& prompt, WorkerIndex worker, std::uint64_t now) override;
  void Depths(const Prompt& prompt, std::vector<WorkerPrefix>& out) const override;
  void RemoveWorker(WorkerIndex worker) override;
  void Evict() override;
  TreeSize Size() const override;

  // The chains of one Prompt::scope; announced ids and tables belong to no scope. O(1).
  struct ScopeSize {
    std::uint64_t nodes = 0;
    std::uint64_t bytes = 0;
  };
  ScopeSize SizeOf(std::uint16_t scope) const;
  static constexpr std::uint16_t kScopesMax = 128;  // the last one takes what is beyond

  // The peer with this origin slot (1…) announced at `seq` that `worker` holds the prefixes named by `ids`. Per
  // (id, worker, origin) the latest seq stays.
  void ApplyIds(std::span<const NodeId> ids, WorkerIndex worker, std::uint16_t origin, std::uint32_t seq);
  // That record left its origin's window: removes exactly what still carries `seq`.
  void RetractIds(std::span<const NodeId> ids, WorkerIndex worker, std::uint16_t origin, std::uint32_t seq);
  // This router's own announcement of `leaf` got its seq.
  void StampOwn(NodeId leaf, WorkerIndex worker, std::uint32_t seq);
  // Announcements of `origin` below `seq` lie in the older half of its window.
  void SetRefreshMark(std::uint16_t origin, std::uint32_t seq);

  static constexpr std::uint16_t kOriginsMax = 4095;

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  static constexpr std::uint32_t kSeqNone = 0;              // held, never announced under this edge
  static constexpr std::uint32_t kSeqPending = 0xffffffff;  // announced, not yet collected into a round

  struct Node;  // one allocation: header and fingerprints

  // What is known of a node without reading it: the recency list lives here, so that moving a node to its front does
  // not read its neighbours, which are anywhere in memory.
  struct Slot {
    Node* node = nullptr;
    std::uint32_t lru_newer = kNone, lru_older = kNone;
  };

  struct Head {
    std::uint32_t tag_ = 0;
    std::uint32_t slot = 0;
    std::uint32_t tag() const { return tag_; }
  };

  struct Edge {
    NodeId id;
    std::uint32_t seq = 0;
    std::uint16_t worker = 0;
    std::uint16_t origin_and_flags = 0;  // origin << 4 | flags
    static constexpr std::uint16_t kOwn = 1, kReferenced = 2;
    std::uint32_t tag() const { return static_cast<std::uint32_t>(id.value >> 32); }
    std::uint16_t origin() const { return static_cast<std::uint16_t>(origin_and_flags >> 4); }
    bool own() const { return (origin_and_flags & kOwn) != 0; }
  };

  struct Descent {
    std::uint32_t matched = 0;    // blocks matched in the chains
    std::uint32_t last = kNone;   // slot of the last node touched
    std::uint32_t in_last = 0;    // blocks of it that matched
    std::uint32_t announced = 0;  // depth of the deepest announced id below `matched`, or 0
  };

  Descent Descend(std::span<const NodeId> ids) const PREFIXMESH_REQUIRES(mutex_);
  std::uint32_t FindChild(std::uint32_t parent, NodeId parent_end, std::uint32_t fingerprint) const
      PREFIXMESH_REQUIRES(mutex_);
  // Merges the holders of `id` into holders_ and marks their edges as used.
  void CollectHolders(NodeId id, bool own_only) PREFIXMESH_REQUIRES(mutex_);
  bool HoldsOwn(NodeId id, WorkerIndex worker) const PREFIXMESH_REQUIRES(mutex_);
  void AddOwn(NodeId id, WorkerIndex worker, std::uint32_t seq) PREFIXMESH_REQUIRES(mutex_);
  void InsertLocked(std::span<const NodeId> ids, std::uint16_t scope, const Descent& descent, WorkerIndex worker,
                    Insertion& insertion) PREFIXMESH_REQUIRES(mutex_);
  void Account(const Node& counted, int sign) PREFIXMESH_REQUIRES(mutex_);
  void NoteAnnouncement(NodeId leaf, WorkerIndex worker, Insertion& insertion) PREFIXMESH_REQUIRES(mutex_);

  Node& node(std::uint32_t slot) const PREFIXMESH_REQUIRES(mutex_) { return *slots_[slot].node; }
  // Links `made`, which has its length, end and fingerprints, below `parent`. Returns its slot.
  std::uint32_t AddNode(std::uint32_t parent, Node* made) PREFIXMESH_REQUIRES(mutex_);
  std::uint32_t Split(std::uint32_t slot, std::uint32_t at, NodeId end) PREFIXMESH_REQUIRES(mutex_);
  void FreeNode(std::uint32_t slot) PREFIXMESH_REQUIRES(mutex_);
  void EraseOwnEdges(NodeId id) PREFIXMESH_REQUIRES(mutex_);
  void TouchPath(std::uint32_t slot) PREFIXMESH_REQUIRES(mutex_);
  void Unlink(std::uint32_t slot) PREFIXMESH_REQUIRES(mutex_);
  void LinkFront(std::uint32_t slot) PREFIXMESH_REQUIRES(mutex_);
  void EvictLocked() PREFIXMESH_REQUIRES(mutex_);
  bool EvictOldestLeaf() PREFIXMESH_REQUIRES(mutex_);
  void ForgetAnnouncedEdge() PREFIXMESH_REQUIRES(mutex_);
  std::uint64_t BytesLocked() const PREFIXMESH_REQUIRES(mutex_);
  std::uint32_t BlockBytes(Kind kind) const {
    return kind == Kind::kText ? options_.text_block_bytes : options_.tokens_block_bytes;
  }
  NodeId EndOf(std::uint32_t slot) const PREFIXMESH_REQUIRES(mutex_);
  void AddHead(std::uint32_t slot) PREFIXMESH_REQUIRES(mutex_);
  void RemoveHead(std::uint32_t slot) PREFIXMESH_REQUIRES(mutex_);
  std::uint32_t HeadTag(NodeId parent_end, std::uint32_t fingerprint) const;

  const BlockIndexOptions options_;
  const std::uint64_t edges_max_;

  mutable DescentMutex mutex_;
  std::vector<Slot> slots_ PREFIXMESH_GUARDED_BY(mutex_);
  std::vector<std::uint32_t> free_slots_ PREFIXMESH_GUARDED_BY(mutex_);
  std::array<ScopeSize, kScopesMax> scopes_ PREFIXMESH_GUARDED_BY(mutex_){};
  SegmentedTable<Head> heads_ PREFIXMESH_GUARDED_BY(mutex_);
  SegmentedTable<Edge> edges_ PREFIXMESH_GUARDED_BY(mutex_);
  std::vector<std::uint32_t> refresh_marks_ PREFIXMESH_GUARDED_BY(mutex_);
  std::vector<WorkerIndex> holders_ PREFIXMESH_GUARDED_BY(mutex_);  // scratch of one descent
  std::uint64_t node_bytes_ PREFIXMESH_GUARDED_BY(mutex_) = 0;
  std::uint64_t node_count_ PREFIXMESH_GUARDED_BY(mutex_) = 0;
  std::uint64_t announced_edges_ PREFIXMESH_GUARDED_BY(mutex_) = 0;
  std::uint64_t forgotten_ PREFIXMESH_GUARDED_BY(mutex_) = 0;
  std::uint32_t lru_front_ PREFIXMESH_GUARDED_BY(mutex_) = kNone;  // most recently used
  std::uint32_t lru_back_ PREFIXMESH_GUARDED_BY(mutex_) = kNone;
};

}  // namespace prefixmesh
