#include "impl/tree/block_edges.h"

#include <algorithm>

#include "impl/base/check.h"
#include "impl/base/seeded_bug.h"

namespace prefixmesh {

// ---- look-ups -------------------------------------------------------------------------------------------------------

void BlockEdges::CollectHolders(NodeId id, bool own_only, std::vector<WorkerIndex>& holders) {
  edges_.Find(Tag(id), [&](Edge& edge) {
    if (edge.id == id && (edge.own() || !own_only)) {
      edge.origin_and_flags |= Edge::kReferenced;
      const WorkerIndex worker{edge.worker};
      const auto at = std::lower_bound(holders.begin(), holders.end(), worker);
      if (at == holders.end() || *at != worker) holders.insert(at, worker);
    }
    return false;
  });
}

// ---- this router's own ----------------------------------------------------------------------------------------------

void BlockEdges::AddOwn(NodeId id, WorkerIndex worker, std::uint32_t seq) {
  Edge edge;
  edge.id = id;
  edge.worker = worker.value;
  edge.seq = seq;
  edge.origin_and_flags = Edge::kOwn;
  edges_.Insert(edge);
}

void BlockEdges::CopyOwn(NodeId from, NodeId to) {
  copied_.clear();
  ForEachHolder(from, /*own_only=*/true, [&](WorkerIndex worker) { copied_.push_back(worker); });
  for (const WorkerIndex worker : copied_) AddOwn(to, worker, kSeqNone);
}

void BlockEdges::EraseOwn(NodeId id) {
  while (Edge* edge = edges_.Find(Tag(id), [&](const Edge& each) { return each.id == id && each.own(); }))
    edges_.Erase(edge);
}

void BlockEdges::StampOwn(NodeId id, WorkerIndex worker, std::uint32_t seq) {
  if (Edge* found = FindOwn(id, worker)) found->seq = seq;
}

BlockEdges::Announced BlockEdges::AnnouncedOf(NodeId id, WorkerIndex worker) const {
  Announced announced;
  edges_.Find(Tag(id), [&](const Edge& edge) {
    if (edge.id != id || edge.worker != worker.value) return false;
    announced.known = true;
    const std::uint32_t mark = edge.origin() < refresh_marks_.size() ? refresh_marks_[edge.origin()] : 0;
    if (edge.seq != kSeqNone)
      announced.youngest = std::max(announced.youngest, edge.seq >= mark ? Announcement::kFresh : Announcement::kOld);
    return false;
  });
  return announced;
}

void BlockEdges::SetRefreshMark(std::uint16_t origin, std::uint32_t seq) {
  if (origin > kOriginsMax) return;
  if (refresh_marks_.size() <= origin) refresh_marks_.resize(origin + std::size_t{1}, 0);
  refresh_marks_[origin] = seq;
}

// ---- announced by peers ---------------------------------------------------------------------------------------------

BlockEdges::Edge* BlockEdges::FindAnnounced(NodeId id, WorkerIndex worker, std::uint16_t origin) {
  return edges_.Find(Tag(id), [&](const Edge& edge) {
    return edge.id == id && edge.worker == worker.value && !edge.own() && edge.origin() == origin;
  });
}

void BlockEdges::Apply(NodeId id, WorkerIndex worker, std::uint16_t origin, std::uint32_t seq) {
  if (Edge* found = FindAnnounced(id, worker, origin)) {
    found->seq = std::max(found->seq, seq);
    found->origin_and_flags |= Edge::kReferenced;
    return;
  }
  Edge edge;
  edge.id = id;
  edge.worker = worker.value;
  edge.seq = seq;
  edge.origin_and_flags = static_cast<std::uint16_t>(origin << 4 | Edge::kReferenced);
  edges_.Insert(edge);
  ++announced_;
}

void BlockEdges::Retract(NodeId id, WorkerIndex worker, std::uint16_t origin, std::uint32_t seq) {
  Edge* found = FindAnnounced(id, worker, origin);
  if (found == nullptr || (found->seq != seq && !Seeded(Bug::kW4_retract_any_seq))) return;
  edges_.Erase(found);
  --announced_;
}

std::vector<DumpedEdge> BlockEdges::AnnouncedBelow(std::uint16_t origin, std::uint32_t seq) const {
  std::vector<DumpedEdge> below;
  edges_.ForEach([&](const Edge& edge) {
    if (edge.origin() == origin && edge.seq != kSeqNone && edge.seq < seq)
      below.push_back({edge.id, WorkerIndex{edge.worker}, edge.origin(), edge.seq});
  });
  return below;
}

bool BlockEdges::ForgetOne() {
  if (announced_ == 0) return false;
  for (std::uint64_t steps = 1;; ++steps) {
    Edge* edge = edges_.SweepNext();
    if (edge->own()) continue;
    if ((edge->origin_and_flags & Edge::kReferenced) != 0 && steps <= kSweepMax) {
      edge->origin_and_flags = static_cast<std::uint16_t>(edge->origin_and_flags & ~Edge::kReferenced);
      continue;
    }
    edges_.Erase(edge);
    edges_.SweepAgain();
    --announced_;
    return true;
  }
}

// ---- both -----------------------------------------------------------------------------------------------------------

void BlockEdges::RemoveWorker(WorkerIndex worker) {
  std::vector<Edge> doomed;
  edges_.ForEach([&](const Edge& edge) {
    if (edge.worker == worker.value) doomed.push_back(edge);
  });
  for (const Edge& edge : doomed) {
    Edge* found = edge.own() ? FindOwn(edge.id, worker) : FindAnnounced(edge.id, worker, edge.origin());
    PREFIXMESH_CHECK(found != nullptr);
    if (!found->own()) --announced_;
    edges_.Erase(found);
  }
}

void BlockEdges::Remove(NodeId id, WorkerIndex worker, bool own_only) {
  const auto doomed = [&](const Edge& edge) {
    return edge.id == id && edge.worker == worker.value && (edge.own() || !own_only);
  };
  while (Edge* edge = edges_.Find(Tag(id), doomed)) {
    if (!edge->own()) --announced_;
    edges_.Erase(edge);
  }
}

std::vector<DumpedEdge> BlockEdges::Dump() const {
  std::vector<DumpedEdge> all;
  edges_.ForEach([&](const Edge& edge) {
    all.push_back({edge.id, WorkerIndex{edge.worker}, edge.origin(), edge.seq});
  });
  return all;
}

}  // namespace prefixmesh
