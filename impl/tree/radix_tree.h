// radix_tree.h — the machinery that the text tree and the token tree of the generations share.
//
//   root ── "The quick " {w1 w2} ─┬─ "brown fox" {w1 e=7}
//                                 └─ "red fox"   {w2 e=9}
//
// A node is a piece of prompt (its edge) and the tenants that hold the whole path down to the edge's end, each with the
// epoch of its last use as a leaf. A tenant of a node is a tenant of every ancestor (epoch 0 there unless a prompt
// ended there), so whoever is on an edge also holds any first part of it. Edges meet at multiples of `unit_bytes` only:
// 1 for text ("bytes are bytes", characters are not decoded), one page of 16 tokens for tokens; the rest of a prompt
// that is no whole unit is not kept.
//
// As the generations had it, with two corrections that tree.h asks for: a match reports every holder and not one cached
// "last tenant" (X13), and a match that ends inside an edge is a match.
//
// Threads:   any; one mutex, held for one descent, or for a whole pass in Evict, RemoveWorker, Walk and Merge, and in
//            RemovePrefix of what lies below.
// Time:      `now` is not used: recency is a counter of inserts of this tree, as theirs was, so equal times cannot tie.
//            Only an insert is a use; their refresh of one match in eight is gone, since here each match that leads to
//            a request inserts in the same descent.
// Ownership: prompts are borrowed; a new edge is copied once, into an allocation of exactly its size.
// Bounds:    tenant_bytes_max per tenant, summed over its nodes and enforced by Evict only, as theirs was. A pass
//            drops the tenant's least recent leaf, then promotes the parent to a leaf, and so on.
// Errors:    none. Bytes in Size() are those asked of the allocator for nodes, edges, tenant and child lists.
// Source:    smg's kv_index string tree and token tree (behaviour only, see the specification).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "impl/base/function_ref.h"
#include "impl/base/mutex.h"
#include "impl/tree/slice_cursor.h"
#include "impl/tree/tree.h"

namespace prefixmesh {

struct RadixTreeOptions {
  // Edges are cut at multiples of this many bytes; 1 to kUnitBytesMax.
  std::uint32_t unit_bytes = 1;
  // Bytes one tenant may hold, summed over the edges of its nodes. Trade: more is remembered, times all tenants.
  std::uint64_t tenant_bytes_max = 1ull << 26;
};

class RadixTree : public PrefixTree {
 public:
  static constexpr std::uint32_t kUnitBytesMax = 64;

  explicit RadixTree(const RadixTreeOptions& options);
  ~RadixTree() override;
  RadixTree(const RadixTree&) = delete;
  RadixTree& operator=(const RadixTree&) = delete;

  Insertion MatchAndInsert(const Prompt& prompt, Chooser choose) override;
  void Insert(const Prompt& prompt, WorkerIndex worker) override;
  void Depths(const Prompt& prompt, std::vector<WorkerPrefix>& out) const override;
  void RemoveWorker(WorkerIndex worker) override;
  void RemovePrefix(const Prompt& prompt, WorkerIndex worker) override;
  void Evict() override;
  // budget_bytes is the cap times the tenants present; nodes count the root.
  TreeSize Size() const override;

  struct Tenant {
    WorkerIndex worker;
    std::uint64_t epoch = 0;  // of the last prompt that ended here; 0 if none did
  };
  // What the cap is held against: bytes of the edges this worker holds. O(1).
  std::uint64_t TenantBytes(WorkerIndex worker) const;

 protected:
  // A node of the whole tree in pre-order; the views are good for the call, or as long as the caller keeps them.
  struct WholeNode {
    std::string_view edge;
    std::span<const Tenant> tenants;
    std::uint32_t child_count = 0;
  };
  // Visits every node under the tree's lock. The root has every worker that holds anything, as theirs had.
  void Walk(FunctionRef<void(const WholeNode&)> visit) const;
  // Adds what the nodes say, which `next` gives in pre-order until it says no: they are a tree. Edges are cut where
  // they differ, epochs are the larger of both. A tenant that is missing further up is added there. `next` runs under
  // the tree's lock; its views are good until it is called again.
  void Merge(FunctionRef<bool(WholeNode&)> next);

 private:
  struct Node;
  struct Descent;
  class Shallower;

  Descent Descend(const Prompt& prompt) const PREFIXMESH_REQUIRES(mutex_);
  void Record(const Descent& descent, WorkerIndex worker) PREFIXMESH_REQUIRES(mutex_);
  // Cuts `node` after `count` bytes of its edge; returns the new upper node.
  Node* Split(Node* node, std::uint32_t count) PREFIXMESH_REQUIRES(mutex_);
  Node* AddLeaf(Node* parent, const SliceCursor& rest) PREFIXMESH_REQUIRES(mutex_);
  void AddTenant(Node* node, WorkerIndex worker, std::uint64_t epoch) PREFIXMESH_REQUIRES(mutex_);
  // Takes the worker off the node, and the node out of the tree when nothing is left of it. True if it went.
  bool DropTenant(Node* node, WorkerIndex worker) PREFIXMESH_REQUIRES(mutex_);
  void RemoveLeaf(Node* node) PREFIXMESH_REQUIRES(mutex_);
  // Takes the worker off every node below this one.
  void DropTenantBelow(Node* node, WorkerIndex worker) PREFIXMESH_REQUIRES(mutex_);
  // The worker on every node above this one that lacks it.
  void AddTenantAbove(Node* node, WorkerIndex worker) PREFIXMESH_REQUIRES(mutex_);
  // A node of a merge whose children are not all there yet. A split never moves it: the lower part stays in place.
  struct Open {
    Node* node;
    std::uint32_t children_to_come;
  };
  void Close(std::deque<Open>& open) PREFIXMESH_REQUIRES(mutex_);
  // The node at the end of `edge` below `node`, made if it is not there.
  Node* Reach(Node* node, std::string_view edge) PREFIXMESH_REQUIRES(mutex_);
  void EvictTenant(WorkerIndex worker) PREFIXMESH_REQUIRES(mutex_);
  void ReleaseIfEmpty() PREFIXMESH_REQUIRES(mutex_);

  const RadixTreeOptions options_;  // constant after construction

  mutable Mutex mutex_;  // guards all below
  std::unique_ptr<Node> root_ PREFIXMESH_GUARDED_BY(mutex_);
  std::vector<std::uint64_t> tenant_bytes_ PREFIXMESH_GUARDED_BY(mutex_);  // by worker index
  std::vector<WorkerIndex> holders_ PREFIXMESH_GUARDED_BY(mutex_);         // scratch of one match
  std::uint64_t tenants_ PREFIXMESH_GUARDED_BY(mutex_) = 0;                // with tenant_bytes_ > 0
  std::uint64_t nodes_ PREFIXMESH_GUARDED_BY(mutex_) = 1;
  std::uint64_t bytes_ PREFIXMESH_GUARDED_BY(mutex_) = 0;  // of nodes and what hangs on them
  std::uint64_t forgotten_ PREFIXMESH_GUARDED_BY(mutex_) = 0;
  std::uint64_t epoch_ PREFIXMESH_GUARDED_BY(mutex_) = 0;
};

}  // namespace prefixmesh
