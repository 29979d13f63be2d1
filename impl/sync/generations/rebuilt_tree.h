// rebuilt_tree.h — a text tree made for one purpose: out of a stored snapshot, with operations put in, back to a
// snapshot. It is the tree that impl/tree/text_tree.h would make of the same, without copies of any text.
//
// The third and the sixth generation did this for every checkpoint, every gap and every delta they received (H9).
// Tokens are left out, for a snapshot has no place for them; so are removals, but with H13 fixed; so are workers
// beyond kHoldersMax.
//
//   node     32 bytes, 20 when encoded: a piece of text that lies in the body or in an operation, first child, sibling
//   holder   16 bytes, 16 and a url when encoded: a worker by number, in a list of the node, ascending
//
// Threads: one. Ownership: borrows body and operations, which must outlive it. Time: none. Errors: bytes that are no
// snapshot of a tree make an empty one. Bounds: bytes_max over the tree, its names and what Encode makes of it, and
// over two of the latter; what goes above takes no more operations and does not fit.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "impl/wire/bincode.h"
#include "impl/wire/tree_snapshot.h"

namespace prefixmesh::generations {

class RebuiltTree {
 public:
  // body: an encoded TreeSnapshot, or null for an empty tree.
  explicit RebuiltTree(const std::string* body, std::uint64_t bytes_max = UINT64_MAX);

  // Inserts of text, in order; removals only where they are applied.
  void Apply(const OperationList& operations, bool applies_removals);
  void Apply(std::span<const TreeOperation> operations, bool applies_removals);

  bool fits() const;
  // Holders over all nodes but the root: what a snapshot tells, as records.
  std::uint64_t Holders() const { return holders_live_; }
  // An encoded TreeSnapshot.
  std::string Encode() const;

 private:
  using Index = std::uint32_t;
  static constexpr Index kNone = UINT32_MAX;
  static constexpr Index kRoot = 0;
  struct Node {
    const char* edge = nullptr;
    std::uint32_t edge_bytes = 0;
    Index parent = kNone;
    Index first_child = kNone;  // by the first byte of their edges
    Index next_sibling = kNone;
    Index first_holder = kNone;  // by number
  };
  struct Holder {
    std::uint64_t epoch = 0;
    Index next = kNone;
    std::uint16_t worker = 0;
  };

  void Merge(const SnapshotView& snapshot);
  void Apply(const OperationView& operation, bool applies_removals);
  // kNoWorker when the numbers are used up.
  std::uint16_t Number(std::string_view name);
  // The node at the end of `edge` below `node`, made if it is not there.
  Index Reach(Index node, std::string_view edge);
  // The node's child in whose place a child that begins with this byte would be; null: behind all.
  Index* ChildSlot(Index node, char first);
  void Split(Index* slot, std::uint32_t count);
  bool Holds(Index node, std::uint16_t worker) const;
  void Add(Index node, std::uint16_t worker, std::uint64_t epoch);
  // The node, and each above it that lacks the worker.
  void AddWithAbove(Index node, std::uint16_t worker, std::uint64_t epoch);
  void Remove(std::uint16_t worker);
  // In pre-order; kNone after the last.
  Index Next(Index node) const;
  std::uint32_t ChildCount(Index node) const;

  const std::uint64_t bytes_max_;
  std::deque<Node> nodes_;  // never copied as they grow
  std::deque<Holder> holders_;
  std::unordered_map<std::string_view, std::uint16_t> numbers_;  // looked up only, never iterated
  std::vector<std::string_view> names_;
  std::vector<std::uint64_t> held_;  // nodes, by worker
  std::uint64_t epoch_ = 0;
  std::uint64_t text_bytes_ = 0;  // of edges and urls, as encoded, those that went included
  std::uint64_t holders_live_ = 0;
  // Where the last holder went in: lists are filled in order.
  Index hint_node_ = kNone, hint_holder_ = kNone;
};

}  // namespace prefixmesh::generations
