// block_chains.h — the prompts that this router routed, exact to the block. One half of the block index; block_edges.h
// is the other.
//
// A compressed radix tree over chained ids: a node is a run of blocks that never branches, kept as 4-byte fingerprints
// of the ids (0.016 bytes per byte of prompt) in one allocation. Children are found by hashing (end of the parent,
// first fingerprint), so a node costs the same however many children it has.
//
//        root ──[b1 b2 … b250]──┬──[b251 … b312]
//                               └──[b251' … b312']
//
// Recency: an exact LRU of nodes; a leaf is never younger than its parent, so the oldest node is a leaf.
// Threads: none of its own; the index locks. Ownership: owns the runs. Errors: running out of memory throws bad_alloc.
// Bounds: the index frees the oldest when it is over budget; bytes() is exact to the allocation.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "impl/base/ids.h"
#include "impl/base/prng.h"
#include "impl/tree/segmented_table.h"

namespace prefixmesh {

class BlockChains {
 public:
  static constexpr std::uint32_t kNone = 0xffffffff;
  static constexpr std::uint16_t kScopesMax = 128;  // the last one takes what is beyond

  struct ScopeSize {
    std::uint64_t nodes = 0;
    std::uint64_t bytes = 0;
  };

  BlockChains() = default;
  ~BlockChains();
  BlockChains(const BlockChains&) = delete;
  BlockChains& operator=(const BlockChains&) = delete;

  struct Descent {
    std::uint32_t matched = 0;   // blocks that match
    std::uint32_t last = kNone;  // slot of the last node touched
    std::uint32_t in_last = 0;   // blocks of it that matched
  };
  // Calls before(end) for every run, before it is compared.
  template <typename F>
  Descent Descend(std::span<const NodeId> ids, F&& before) const {
    Descent descent;
    NodeId end{0};
    while (descent.matched < ids.size()) {
      const std::span<const NodeId> rest = ids.subspan(descent.matched);
      const std::uint32_t child = FindChild(descent.last, end, Fingerprint(rest[0]));
      if (child == kNone) break;
      const Node& run = node(child);
      before(run.end);
      const std::uint32_t same =
          CommonBlocks(run.fingerprints, rest.first(std::min<std::size_t>(rest.size(), run.length)));
      descent.last = child;
      descent.in_last = same;
      descent.matched += same;
      if (same < run.length) break;
      end = run.end;
    }
    return descent;
  }

  // Of a node: the id of its last block, which names the whole prefix down to there; its run's blocks; its parent.
  NodeId end(std::uint32_t slot) const { return node(slot).end; }
  std::uint32_t length(std::uint32_t slot) const { return node(slot).length; }
  std::uint32_t parent(std::uint32_t slot) const { return node(slot).parent; }

  // Adds the run `ids` below `parent` (kNone: the root) and returns its slot.
  std::uint32_t Add(std::uint32_t parent, std::span<const NodeId> ids, std::uint16_t scope);
  // Cuts a run after `at` blocks, where the prefix is named `end`. The lower part keeps the slot, so its children and
  // what stands at its end stay as they are. Returns the upper part's slot. Both are as recent as the run was.
  std::uint32_t Split(std::uint32_t slot, std::uint32_t at, NodeId end);
  // Frees a leaf.
  void Free(std::uint32_t slot);
  // Frees the run if it is a leaf and held(end) is false, then the one above it by the same rule, and so on. Of a slot
  // that is free nothing happens.
  template <typename F>
  void FreeUpwards(std::uint32_t slot, F&& held) {
    while (slot != kNone && slots_[slot].node != nullptr && node(slot).children == 0 && !held(node(slot).end)) {
      const std::uint32_t above = node(slot).parent;
      Free(slot);
      slot = above;
    }
  }
  // Frees every run of which held(end) is false, from the leaves up.
  template <typename F>
  void FreeUnless(F&& held) {
    for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) FreeUpwards(slot, held);
  }
  // Calls f(slot) for this run and all below it. A run does not know its children: where there are any, all runs are
  // looked at.
  template <typename F>
  void ForEachFrom(std::uint32_t top, F&& f) const {
    if (node(top).children == 0) return f(top);
    for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
      if (slots_[slot].node == nullptr) continue;
      std::uint32_t at = slot;
      while (at != kNone && at != top) at = node(at).parent;
      if (at == top) f(slot);
    }
  }

  // This node and all above it were used.
  void Touch(std::uint32_t slot);
  // The least recently used node, which is a leaf; kNone when there is none.
  std::uint32_t oldest() const { return lru_back_; }

  std::uint64_t count() const { return node_count_; }
  std::uint64_t bytes() const {
    return node_bytes_ + heads_.bytes() + slots_.capacity() * sizeof(Slot) +
           free_slots_.capacity() * sizeof(std::uint32_t);
  }
  ScopeSize SizeOf(std::uint16_t scope) const { return scopes_[std::min<std::uint16_t>(scope, kScopesMax - 1)]; }

 private:
  struct Node {            // one allocation: header and fingerprints
    NodeId end;            // id of the last block
    std::uint32_t parent;  // slot, or kNone under the root
    std::uint32_t length;  // blocks in this run
    std::uint32_t scope;   // slot of (model, kind), for accounting
    std::uint32_t children;
    std::uint32_t fingerprints[];  // length of them

    static Node* Make(std::uint32_t length, NodeId end);
    static std::size_t AllocationBytes(std::uint32_t length) { return sizeof(Node) + length * sizeof(std::uint32_t); }
  };

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

  static std::uint32_t Fingerprint(NodeId id) { return static_cast<std::uint32_t>(id.value); }
  // How many leading blocks agree. Eight at a time without a branch: runs are long, and most differ nowhere or early.
  static std::uint32_t CommonBlocks(const std::uint32_t* fingerprints, std::span<const NodeId> ids) {
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

  Node& node(std::uint32_t slot) const { return *slots_[slot].node; }
  std::uint32_t FindChild(std::uint32_t parent, NodeId parent_end, std::uint32_t fingerprint) const {
    const Head* head = heads_.Find(HeadTag(parent_end, fingerprint), [&](const Head& candidate) {
      const Node& child = node(candidate.slot);
      return child.parent == parent && child.fingerprints[0] == fingerprint;
    });
    return head != nullptr ? head->slot : kNone;
  }
  static std::uint32_t HeadTag(NodeId parent_end, std::uint32_t fingerprint) {
    return static_cast<std::uint32_t>(Mix64(parent_end.value + fingerprint * 0x9e3779b97f4a7c15u) >> 32);
  }
  NodeId EndAbove(const Node& below) const { return below.parent == kNone ? NodeId{0} : node(below.parent).end; }
  void AddHead(std::uint32_t slot);
  void RemoveHead(std::uint32_t slot);
  // Links `made`, which has its length, end, scope and fingerprints, below `parent`. Returns its slot.
  std::uint32_t Link(std::uint32_t parent, Node* made);
  void Account(const Node& counted, int sign);
  void LinkFront(std::uint32_t slot);
  // As the next more recent one than `older`.
  void LinkAbove(std::uint32_t slot, std::uint32_t older);
  void Unlink(std::uint32_t slot);

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  SegmentedTable<Head> heads_;
  std::array<ScopeSize, kScopesMax> scopes_{};
  std::uint64_t node_bytes_ = 0;
  std::uint64_t node_count_ = 0;
  std::uint32_t lru_front_ = kNone;  // most recently used
  std::uint32_t lru_back_ = kNone;
};

}  // namespace prefixmesh
