// block_edges.h — who holds which prefix: (id, worker, origin, seq). One half of the block index; block_chains.h is the
// other.
//
// An own edge says that this router sent a request for that prefix to the worker; it stands at the end of a run and
// comes and goes with it. An announced edge says that a peer (its origin slot, 1…) announced the prefix at `seq`; it
// stands by itself and matches at exactly that depth. Per (id, worker, origin) there is one entry with the latest seq.
//
// Recency of announced edges: a clock with one reference bit. Forgetting is local and counted.
// Threads: none of its own; the index locks. Ownership: values. Errors: none. Bounds: the index asks for ForgetOne.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "impl/base/ids.h"
#include "impl/tree/segmented_table.h"
#include "impl/tree/tree.h"

namespace prefixmesh {

// One entry as it stands, for tests and the simulator.
struct DumpedEdge {
  NodeId id;
  WorkerIndex worker;
  std::uint16_t origin = 0;  // 0: this router's own
  std::uint32_t seq = 0;
  friend auto operator<=>(const DumpedEdge&, const DumpedEdge&) = default;
};

class BlockEdges {
 public:
  static constexpr std::uint32_t kSeqNone = 0;              // held, never announced under this edge
  static constexpr std::uint32_t kSeqPending = 0xffffffff;  // announced, not yet collected into a round
  static constexpr std::uint16_t kOriginsMax = 4095;

  BlockEdges() : refresh_marks_(1, 0) {}

  // ---- look-ups

  // Brings what a look-up of `id` reads into the cache; the second also what it finds there.
  void Prefetch(NodeId id) const { edges_.Prefetch(Tag(id)); }
  void PrefetchEntry(NodeId id) const { edges_.PrefetchEntry(Tag(id)); }

  bool HeldByAnyone(NodeId id) const {
    return edges_.Find(Tag(id), [&](const Edge& edge) { return edge.id == id; }) != nullptr;
  }
  bool HeldByUs(NodeId id) const {
    return edges_.Find(Tag(id), [&](const Edge& edge) { return edge.id == id && edge.own(); }) != nullptr;
  }
  bool HoldsOwn(NodeId id, WorkerIndex worker) const { return FindOwn(id, worker) != nullptr; }
  bool Holds(NodeId id, WorkerIndex worker) const {
    return edges_.Find(Tag(id), [&](const Edge& edge) { return edge.id == id && edge.worker == worker.value; }) !=
           nullptr;
  }

  // Merges the holders of `id` into `holders` (ascending, no duplicates) and marks their edges as used.
  void CollectHolders(NodeId id, bool own_only, std::vector<WorkerIndex>& holders);
  // Calls f(WorkerIndex) per edge of `id`: a worker may come more than once. Marks nothing.
  template <typename F>
  void ForEachHolder(NodeId id, bool own_only, F&& f) const {
    edges_.Find(Tag(id), [&](const Edge& edge) {
      if (edge.id == id && (edge.own() || !own_only)) f(WorkerIndex{edge.worker});
      return false;
    });
  }

  // ---- this router's own

  void AddOwn(NodeId id, WorkerIndex worker, std::uint32_t seq);
  // Whoever of ours holds `from` holds `to` as well: a prefix of it, never announced.
  void CopyOwn(NodeId from, NodeId to);
  void EraseOwn(NodeId id);
  // The announcement of this own edge got its seq.
  void StampOwn(NodeId id, WorkerIndex worker, std::uint32_t seq);

  struct Announced {
    bool known = false;  // `worker` holds `id`, according to anyone
    Announcement youngest = Announcement::kNone;
    bool fresh() const { return youngest == Announcement::kFresh; }
  };
  Announced AnnouncedOf(NodeId id, WorkerIndex worker) const;
  // Announcements of `origin` below `seq` lie in the older half of its window.
  void SetRefreshMark(std::uint16_t origin, std::uint32_t seq);

  // ---- announced by peers

  void Apply(NodeId id, WorkerIndex worker, std::uint16_t origin, std::uint32_t seq);
  void Retract(NodeId id, WorkerIndex worker, std::uint16_t origin, std::uint32_t seq);
  // What `origin` announced below `seq`, in no order; for 0, this router's own. Walks everything.
  std::vector<DumpedEdge> AnnouncedBelow(std::uint16_t origin, std::uint32_t seq) const;
  // Drops an announced edge that was not used since the clock's hand last passed; after kSweepMax entries that were,
  // the next one, so that nobody waits for a whole turn. False when there is none.
  bool ForgetOne();
  static constexpr std::uint64_t kSweepMax = 1024;
  std::uint64_t announced() const { return announced_; }

  // ---- both

  void RemoveWorker(WorkerIndex worker);
  // What is known of the worker at this id; with own_only what peers announced stays.
  void Remove(NodeId id, WorkerIndex worker, bool own_only);
  // Everything, in table order.
  std::vector<DumpedEdge> Dump() const;
  std::uint64_t bytes() const { return edges_.bytes(); }

 private:
  struct Edge {
    NodeId id;
    std::uint32_t seq = 0;
    std::uint16_t worker = 0;
    std::uint16_t origin_and_flags = 0;  // origin << 4 | flags
    static constexpr std::uint16_t kOwn = 1, kReferenced = 2;
    std::uint32_t tag() const { return Tag(id); }
    std::uint16_t origin() const { return static_cast<std::uint16_t>(origin_and_flags >> 4); }
    bool own() const { return (origin_and_flags & kOwn) != 0; }
  };

 public:
  static constexpr std::size_t kEdgeBytes = sizeof(Edge);

 private:
  static std::uint32_t Tag(NodeId id) { return static_cast<std::uint32_t>(id.value >> 32); }

  const Edge* FindOwn(NodeId id, WorkerIndex worker) const {
    return edges_.Find(Tag(id),
                       [&](const Edge& edge) { return edge.id == id && edge.own() && edge.worker == worker.value; });
  }
  Edge* FindOwn(NodeId id, WorkerIndex worker) {
    return const_cast<Edge*>(static_cast<const BlockEdges*>(this)->FindOwn(id, worker));
  }
  Edge* FindAnnounced(NodeId id, WorkerIndex worker, std::uint16_t origin);

  SegmentedTable<Edge> edges_;
  std::vector<std::uint32_t> refresh_marks_;  // by origin; 0 is this router
  std::vector<WorkerIndex> copied_;           // scratch of CopyOwn
  std::uint64_t announced_ = 0;
};

}  // namespace prefixmesh
