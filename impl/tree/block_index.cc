#include "impl/tree/block_index.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "impl/base/check.h"
#include "impl/base/prng.h"

namespace prefixmesh {
namespace {

std::uint32_t Fingerprint(NodeId id) { return static_cast<std::uint32_t>(id.value); }

std::uint32_t EdgeTag(NodeId id) { return static_cast<std::uint32_t>(id.value >> 32); }

// How many leading blocks agree. Eight at a time without a branch: runs are long, and most differ nowhere or early.
std::uint32_t CommonBlocks(const std::uint32_t* fingerprints, std::span<const NodeId> ids) {
  constexpr std::size_t kStep = 8;
  std::size_t same = 0;
  for (; same + kStep <= ids.size(); same += kStep) {
    std::uint32_t different = 0;
    for (std::size_t i = same; i < same + kStep; ++i) different |= fingerprints[i] ^ Fingerprint(ids[i]);
    if (different != 0) break;
  }
  while (same < ids.size() && fingerprints[same] == Fingerprint(ids[same])) ++same;
  return static_cast<std::uint32_t>(same);
}

// Tells the processor that this is a wait.
void Pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// What glibc's malloc takes for a request of `size` bytes: 8 bytes of header, 16-byte granularity, 32 at least.
std::uint64_t ChunkBytes(std::size_t size) { return std::max<std::uint64_t>(32, (size + 8 + 15) & ~std::uint64_t{15}); }

}  // namespace

struct BlockIndex::Node {
  NodeId end;            // id of the last block: names the whole prefix down to here
  std::uint32_t parent;  // slot, or kNone under the root
  std::uint32_t length;  // blocks in this run
  std::uint32_t scope;   // slot of (model, kind), for accounting
  std::uint32_t children;
  std::uint32_t fingerprints[];  // length of them

  static Node* Make(std::uint32_t length, NodeId end) {
    void* memory = std::malloc(AllocationBytes(length));
    if (memory == nullptr) throw std::bad_alloc();
    Node* made = static_cast<Node*>(memory);
    made->length = length;
    made->end = end;
    return made;
  }
  static std::size_t AllocationBytes(std::uint32_t length) { return sizeof(Node) + length * sizeof(std::uint32_t); }
};

void DescentMutex::Lock() {
  constexpr int kSpins = 200;  // of 10 to 50 ns each
  for (int spin = 0; spin < kSpins; ++spin) {
    if (mutex_.try_lock()) return;
    Pause();
  }
  mutex_.lock();
}

BlockIndex::BlockIndex(const BlockIndexOptions& options)
    : options_(options), edges_max_(options.budget_bytes / 4 / sizeof(Edge) * 3 / 4) {
  DescentLock lock(mutex_);
  refresh_marks_.assign(1, 0);
  constexpr std::size_t kHoldersUsual = 64;  // so that the first matches do not allocate either
  holders_.reserve(kHoldersUsual);
}

BlockIndex::~BlockIndex() {
  DescentLock lock(mutex_);
  for (const Slot& slot : slots_) std::free(slot.node);
}

// ---- descent -------------------------------------------------------------------------------------------------------

std::uint32_t BlockIndex::HeadTag(NodeId parent_end, std::uint32_t fingerprint) const {
  return static_cast<std::uint32_t>(Mix64(parent_end.value + fingerprint * 0x9e3779b97f4a7c15u) >> 32);
}

NodeId BlockIndex::EndOf(std::uint32_t slot) const { return slot == kNone ? NodeId{0} : node(slot).end; }

std::uint32_t BlockIndex::FindChild(std::uint32_t parent, NodeId parent_end, std::uint32_t fingerprint) const {
  const Head* head =
      heads_.Find(HeadTag(parent_end, fingerprint), [&](const Head& candidate) PREFIXMESH_NO_THREAD_SAFETY_ANALYSIS {
        const Node& child = node(candidate.slot);
        return child.parent == parent && child.fingerprints[0] == fingerprint;
      });
  return head != nullptr ? head->slot : kNone;
}

BlockIndex::Descent BlockIndex::Descend(std::span<const NodeId> ids) const {
  Descent descent;
  NodeId end{0};
  while (descent.matched < ids.size()) {
    const std::span<const NodeId> rest = ids.subspan(descent.matched);
    const std::uint32_t child = FindChild(descent.last, end, Fingerprint(rest[0]));
    if (child == kNone) break;
    const Node& run = node(child);
    edges_.PrefetchEntry(EdgeTag(run.end));  // whose holders are asked for when the run has been compared
    const std::uint32_t same =
        CommonBlocks(run.fingerprints, rest.first(std::min<std::size_t>(rest.size(), run.length)));
    descent.last = child;
    descent.in_last = same;
    descent.matched += same;
    if (same < run.length) break;
    end = run.end;
  }
  // Announced ids below the chains, deepest first. (An own edge below them cannot be: its chain would have matched.)
  // Independent look-ups: prefetching lets them overlap.
  if (announced_edges_ == 0) return descent;
  constexpr std::size_t kAhead = 16;
  const std::size_t floor = descent.matched;
  for (std::size_t i = ids.size(); i > floor && i + kAhead > ids.size(); --i) edges_.Prefetch(EdgeTag(ids[i - 1]));
  for (std::size_t i = ids.size(); i > floor; --i) {
    if (i > floor + kAhead) edges_.Prefetch(EdgeTag(ids[i - 1 - kAhead]));
    const NodeId id = ids[i - 1];
    if (edges_.Find(EdgeTag(id), [&](const Edge& edge) { return edge.id == id; }) != nullptr) {
      descent.announced = static_cast<std::uint32_t>(i);
      break;
    }
  }
  return descent;
}

void BlockIndex::CollectHolders(NodeId id, bool own_only) {
  edges_.Find(EdgeTag(id), [&](Edge& edge) PREFIXMESH_NO_THREAD_SAFETY_ANALYSIS {
    if (edge.id == id && (edge.own() || !own_only)) {
      edge.origin_and_flags |= Edge::kReferenced;
      const WorkerIndex worker{edge.worker};
      const auto at = std::lower_bound(holders_.begin(), holders_.end(), worker);
      if (at == holders_.end() || *at != worker) holders_.insert(at, worker);
    }
    return false;
  });
}

Insertion BlockIndex::MatchAndInsert(const Prompt& prompt, std::uint64_t now, Chooser choose) {
  (void)now;  // recency is the order of use, not a time
  const std::span<const NodeId> ids = prompt.blocks;
  DescentLock lock(mutex_);
  if (!ids.empty()) edges_.PrefetchEntry(EdgeTag(ids.back()));  // for the insert
  const Descent descent = Descend(ids);
  const std::uint32_t depth = std::max(descent.matched, descent.announced);
  holders_.clear();
  if (descent.announced > 0) {
    CollectHolders(ids[descent.announced - 1], /*own_only=*/false);
  } else if (descent.matched > 0) {
    // Whoever of ours holds the whole run holds the part of it that matched; and the id itself may have been announced.
    const Node& last = node(descent.last);
    if (descent.in_last < last.length) CollectHolders(last.end, /*own_only=*/true);
    CollectHolders(ids[descent.matched - 1], /*own_only=*/false);
  }
  TreeMatch match;
  match.prompt_bytes = prompt.bytes->size();
  match.matched_bytes = std::uint64_t{depth} * BlockBytes(prompt.kind);
  match.holders = holders_;

  Insertion insertion;
  insertion.matched_bytes = match.matched_bytes;
  insertion.branch_depth = depth;
  insertion.leaf_depth = static_cast<std::uint32_t>(ids.size());
  insertion.worker = choose(match);
  if (insertion.worker.has_value()) {
    if (!ids.empty()) InsertLocked(ids, prompt.scope, descent, *insertion.worker, insertion);
  } else if (descent.last != kNone) {
    TouchPath(descent.last);
  }
  return insertion;
}

void BlockIndex::Insert(const Prompt& prompt, WorkerIndex worker, std::uint64_t now) {
  MatchAndInsert(prompt, now, [&](const TreeMatch&) { return std::optional<WorkerIndex>(worker); });
}

void BlockIndex::Depths(const Prompt& prompt, std::vector<WorkerPrefix>& out) const {
  const std::span<const NodeId> ids = prompt.blocks;
  const std::uint64_t block_bytes = BlockBytes(prompt.kind);
  const std::size_t first = out.size();
  const auto note = [&](std::uint16_t worker, std::uint64_t depth) {
    const auto at = std::lower_bound(out.begin() + static_cast<std::ptrdiff_t>(first), out.end(), WorkerIndex{worker},
                                     [](const WorkerPrefix& have, WorkerIndex want) { return have.worker < want; });
    if (at == out.end() || at->worker != WorkerIndex{worker}) {
      out.insert(at, {WorkerIndex{worker}, depth * block_bytes});
    } else {
      at->bytes = std::max(at->bytes, depth * block_bytes);
    }
  };
  const auto note_holders = [&](NodeId id, std::uint64_t depth, bool own_only) PREFIXMESH_NO_THREAD_SAFETY_ANALYSIS {
    edges_.Find(EdgeTag(id), [&](const Edge& edge) {
      if (edge.id == id && (edge.own() || !own_only)) note(edge.worker, depth);
      return false;
    });
  };
  DescentLock lock(mutex_);
  const Descent descent = Descend(ids);
  if (descent.last != kNone) note_holders(node(descent.last).end, descent.matched, true);
  for (std::size_t i = 0; i < ids.size(); ++i) note_holders(ids[i], i + 1, false);
}

// ---- insert ---------------------------------------------------------------------------------------------------------

bool BlockIndex::HoldsOwn(NodeId id, WorkerIndex worker) const {
  return edges_.Find(EdgeTag(id), [&](const Edge& edge) {
    return edge.id == id && edge.own() && edge.worker == worker.value;
  }) != nullptr;
}

void BlockIndex::AddOwn(NodeId id, WorkerIndex worker, std::uint32_t seq) {
  Edge edge;
  edge.id = id;
  edge.worker = worker.value;
  edge.seq = seq;
  edge.origin_and_flags = Edge::kOwn;
  edges_.Insert(edge);
}

// Says whether this placement is news to the mesh, and leaves a pending mark where it is.
void BlockIndex::NoteAnnouncement(NodeId leaf, WorkerIndex worker, Insertion& insertion) {
  bool known = false, fresh = false;
  Edge* own = nullptr;
  edges_.Find(EdgeTag(leaf), [&](Edge& edge) PREFIXMESH_NO_THREAD_SAFETY_ANALYSIS {
    if (edge.id != leaf || edge.worker != worker.value) return false;
    known = true;
    if (edge.own()) own = &edge;
    const std::uint32_t mark = edge.origin() < refresh_marks_.size() ? refresh_marks_[edge.origin()] : 0;
    fresh = fresh || (edge.seq != kSeqNone && edge.seq >= mark);
    return false;
  });
  insertion.repeat = known;
  insertion.refresh = known && !fresh;
  if (own != nullptr && insertion.refresh) own->seq = kSeqPending;
}

void BlockIndex::InsertLocked(std::span<const NodeId> ids, std::uint16_t scope, const Descent& descent,
                              WorkerIndex worker, Insertion& insertion) {
  const NodeId leaf = ids.back();
  std::uint32_t last = descent.last;
  const bool ends_inside = last != kNone && descent.in_last < node(last).length;
  const bool matched_whole = descent.matched == ids.size();
  const bool held_below = last != kNone && HoldsOwn(node(last).end, worker);

  if (ends_inside && matched_whole && held_below) {
    // The prompt ends inside a run that this worker holds to its end: nothing new here or for the mesh.
    insertion.repeat = true;
    TouchPath(last);
    return;
  }
  NoteAnnouncement(leaf, worker, insertion);
  const std::uint32_t leaf_seq = insertion.repeat && !insertion.refresh ? kSeqNone : kSeqPending;

  if (ends_inside) last = Split(last, descent.in_last, ids[descent.matched - 1]);
  // Whoever holds a run holds all above it, so the climb ends at the first that has the worker.
  for (std::uint32_t slot = last; slot != kNone && !HoldsOwn(node(slot).end, worker); slot = node(slot).parent) {
    const bool is_leaf = slot == last && matched_whole;
    AddOwn(node(slot).end, worker, is_leaf ? leaf_seq : kSeqNone);
  }
  if (!matched_whole) {
    const std::span<const NodeId> rest = ids.subspan(descent.matched);
    Node* made = Node::Make(static_cast<std::uint32_t>(rest.size()), leaf);
    std::transform(rest.begin(), rest.end(), made->fingerprints, Fingerprint);
    made->scope = std::min<std::uint16_t>(scope, kScopesMax - 1);
    last = AddNode(last, made);
    if (!HoldsOwn(leaf, worker)) AddOwn(leaf, worker, leaf_seq);
  }
  TouchPath(last);
  EvictLocked();
}

void BlockIndex::AddHead(std::uint32_t slot) {
  const Node& added = node(slot);
  heads_.Insert(Head{HeadTag(EndOf(added.parent), added.fingerprints[0]), slot});
}

void BlockIndex::RemoveHead(std::uint32_t slot) {
  const Node& gone = node(slot);
  Head* head = heads_.Find(HeadTag(EndOf(gone.parent), gone.fingerprints[0]),
                           [&](Head& candidate) { return candidate.slot == slot; });
  PREFIXMESH_CHECK(head != nullptr);
  heads_.Erase(head);
}

// Counts a node in (+1) or out (-1), in all and for its model and kind.
void BlockIndex::Account(const Node& counted, int sign) {
  const auto change = static_cast<std::uint64_t>(sign);  // unsigned arithmetic wraps, so adding -1 subtracts
  const std::uint64_t bytes = change * ChunkBytes(Node::AllocationBytes(counted.length));
  node_bytes_ += bytes;
  node_count_ += change;
  scopes_[counted.scope].bytes += bytes;
  scopes_[counted.scope].nodes += change;
}

std::uint32_t BlockIndex::AddNode(std::uint32_t parent, Node* made) {
  made->parent = parent;
  made->children = 0;
  std::uint32_t slot;
  if (free_slots_.empty()) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.push_back(Slot{made});
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
    slots_[slot].node = made;
  }
  if (parent != kNone) ++node(parent).children;
  Account(*made, +1);
  LinkFront(slot);
  AddHead(slot);
  return slot;
}

// Cuts a run after `at` blocks. The lower part keeps the slot, so its children and its edges stay as they are; the new
// upper part ends at `end`, and whoever holds the whole run holds the upper part too. Returns the upper part's slot.
std::uint32_t BlockIndex::Split(std::uint32_t slot, std::uint32_t at, NodeId end) {
  Node* const whole = slots_[slot].node;
  PREFIXMESH_CHECK(at > 0 && at < whole->length);
  RemoveHead(slot);
  const std::uint32_t parent = whole->parent;
  if (parent != kNone) --node(parent).children;  // AddNode counts the upper part in its place
  Node* const made = Node::Make(at, end);
  made->scope = whole->scope;
  std::copy(whole->fingerprints, whole->fingerprints + at, made->fingerprints);
  const std::uint32_t upper = AddNode(parent, made);

  Node* const shorter = Node::Make(whole->length - at, whole->end);
  shorter->parent = upper;
  shorter->scope = whole->scope;
  shorter->children = whole->children;
  std::copy(whole->fingerprints + at, whole->fingerprints + whole->length, shorter->fingerprints);
  Account(*whole, -1);
  Account(*shorter, +1);
  slots_[slot].node = shorter;
  std::free(whole);
  made->children = 1;
  AddHead(slot);

  holders_.clear();
  edges_.Find(EdgeTag(shorter->end), [&](const Edge& edge) PREFIXMESH_NO_THREAD_SAFETY_ANALYSIS {
    if (edge.id == shorter->end && edge.own()) holders_.push_back(WorkerIndex{edge.worker});
    return false;
  });
  for (const WorkerIndex holder : holders_) AddOwn(end, holder, kSeqNone);
  return upper;
}

// ---- announced ids --------------------------------------------------------------------------------------------------

void BlockIndex::ApplyIds(std::span<const NodeId> ids, WorkerIndex worker, std::uint16_t origin, std::uint32_t seq) {
  if (origin == 0 || origin > kOriginsMax) return;
  DescentLock lock(mutex_);
  for (const NodeId id : ids) {
    if (id.value == 0) continue;
    Edge* found = edges_.Find(EdgeTag(id), [&](const Edge& edge) {
      return edge.id == id && edge.worker == worker.value && !edge.own() && edge.origin() == origin;
    });
    if (found != nullptr) {
      found->seq = std::max(found->seq, seq);
      found->origin_and_flags |= Edge::kReferenced;
      continue;
    }
    Edge edge;
    edge.id = id;
    edge.worker = worker.value;
    edge.seq = seq;
    edge.origin_and_flags = static_cast<std::uint16_t>(origin << 4 | Edge::kReferenced);
    edges_.Insert(edge);
    ++announced_edges_;
  }
  EvictLocked();
}

void BlockIndex::RetractIds(std::span<const NodeId> ids, WorkerIndex worker, std::uint16_t origin, std::uint32_t seq) {
  DescentLock lock(mutex_);
  for (const NodeId id : ids) {
    if (id.value == 0) continue;
    Edge* found = edges_.Find(EdgeTag(id), [&](const Edge& edge) {
      return edge.id == id && edge.worker == worker.value && !edge.own() && edge.origin() == origin && edge.seq == seq;
    });
    if (found == nullptr) continue;
    edges_.Erase(found);
    --announced_edges_;
  }
}

void BlockIndex::StampOwn(NodeId leaf, WorkerIndex worker, std::uint32_t seq) {
  DescentLock lock(mutex_);
  Edge* found = edges_.Find(
      EdgeTag(leaf), [&](const Edge& edge) { return edge.id == leaf && edge.worker == worker.value && edge.own(); });
  if (found != nullptr) found->seq = seq;
}

void BlockIndex::SetRefreshMark(std::uint16_t origin, std::uint32_t seq) {
  if (origin > kOriginsMax) return;
  DescentLock lock(mutex_);
  if (refresh_marks_.size() <= origin) refresh_marks_.resize(origin + std::size_t{1}, 0);
  refresh_marks_[origin] = seq;
}

// ---- recency and removal --------------------------------------------------------------------------------------------

void BlockIndex::LinkFront(std::uint32_t slot) {
  slots_[slot].lru_newer = kNone;
  slots_[slot].lru_older = lru_front_;
  if (lru_front_ != kNone) slots_[lru_front_].lru_newer = slot;
  lru_front_ = slot;
  if (lru_back_ == kNone) lru_back_ = slot;
}

void BlockIndex::Unlink(std::uint32_t slot) {
  const auto [newer, older] = std::pair(slots_[slot].lru_newer, slots_[slot].lru_older);
  (newer != kNone ? slots_[newer].lru_older : lru_front_) = older;
  (older != kNone ? slots_[older].lru_newer : lru_back_) = newer;
}

// Deepest first, so that a parent always ends up newer than its children and the oldest node is a leaf.
void BlockIndex::TouchPath(std::uint32_t slot) {
  for (; slot != kNone; slot = node(slot).parent) {
    if (lru_front_ == slot) continue;
    Unlink(slot);
    LinkFront(slot);
  }
}

void BlockIndex::EraseOwnEdges(NodeId id) {
  const auto tag = EdgeTag(id);
  while (Edge* edge = edges_.Find(tag, [&](const Edge& candidate) { return candidate.id == id && candidate.own(); }))
    edges_.Erase(edge);
}

void BlockIndex::FreeNode(std::uint32_t slot) {
  Node* const gone = slots_[slot].node;
  PREFIXMESH_CHECK(gone->children == 0);
  RemoveHead(slot);
  Unlink(slot);
  if (gone->parent != kNone) --node(gone->parent).children;
  Account(*gone, -1);
  std::free(gone);
  slots_[slot].node = nullptr;
  free_slots_.push_back(slot);
}

bool BlockIndex::EvictOldestLeaf() {
  const std::uint32_t slot = lru_back_;
  if (slot == kNone) return false;
  PREFIXMESH_CHECK(node(slot).children == 0);  // the order of TouchPath guarantees it
  EraseOwnEdges(node(slot).end);
  FreeNode(slot);
  ++forgotten_;
  return true;
}

void BlockIndex::ForgetAnnouncedEdge() {
  // One full turn clears every reference bit, so the second finds a victim.
  for (std::uint64_t steps = 2 * edges_.count() + 2; steps > 0; --steps) {
    Edge* edge = edges_.SweepNext();
    if (edge == nullptr) return;
    if (edge->own()) continue;
    if ((edge->origin_and_flags & Edge::kReferenced) != 0) {
      edge->origin_and_flags = static_cast<std::uint16_t>(edge->origin_and_flags & ~Edge::kReferenced);
      continue;
    }
    edges_.Erase(edge);
    edges_.SweepAgain();
    --announced_edges_;
    ++forgotten_;
    return;
  }
}

void BlockIndex::EvictLocked() {
  while (announced_edges_ > edges_max_) ForgetAnnouncedEdge();
  while (BytesLocked() > options_.budget_bytes && EvictOldestLeaf()) {
  }
}

void BlockIndex::Evict() {
  DescentLock lock(mutex_);
  EvictLocked();
}

void BlockIndex::RemoveWorker(WorkerIndex worker) {
  DescentLock lock(mutex_);
  std::vector<Edge> doomed;
  edges_.ForEach([&](const Edge& edge) {
    if (edge.worker == worker.value) doomed.push_back(edge);
  });
  for (const Edge& edge : doomed) {
    Edge* found = edges_.Find(edge.tag(), [&](const Edge& candidate) {
      return candidate.id == edge.id && candidate.worker == edge.worker &&
             (candidate.origin_and_flags | Edge::kReferenced) == (edge.origin_and_flags | Edge::kReferenced);
    });
    PREFIXMESH_CHECK(found != nullptr);
    if (!found->own()) --announced_edges_;
    edges_.Erase(found);
  }
  // Runs that nobody of ours holds any more go, from the leaves up.
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
    std::uint32_t at = slot;
    while (at != kNone && slots_[at].node != nullptr && node(at).children == 0) {
      const NodeId end = node(at).end;
      const bool held =
          edges_.Find(EdgeTag(end), [&](const Edge& edge) { return edge.id == end && edge.own(); }) != nullptr;
      if (held) break;
      const std::uint32_t parent = node(at).parent;
      FreeNode(at);
      at = parent;
    }
  }
}

std::uint64_t BlockIndex::BytesLocked() const {
  return node_bytes_ + heads_.bytes() + edges_.bytes() + slots_.capacity() * sizeof(Slot) +
         free_slots_.capacity() * sizeof(std::uint32_t) + sizeof(BlockIndex);
}

TreeSize BlockIndex::Size() const {
  DescentLock lock(mutex_);
  return {node_count_, BytesLocked(), options_.budget_bytes, forgotten_};
}

BlockIndex::ScopeSize BlockIndex::SizeOf(std::uint16_t scope) const {
  DescentLock lock(mutex_);
  return scopes_[std::min<std::uint16_t>(scope, kScopesMax - 1)];
}

}  // namespace prefixmesh
