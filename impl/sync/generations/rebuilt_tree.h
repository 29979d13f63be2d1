// rebuilt_tree.h — a text tree made for one purpose: out of a stored snapshot, with operations put in, back to a
// snapshot.
//
// The third and the sixth generation did this for every checkpoint, every gap and every delta they received (H9).
// Tokens are left out, for a snapshot has no place for them; so are removals, but with H13 mended.
//
// Threads: one. Ownership: owns the tree; names of workers are kept as numbers of its own. Time: none. Errors: bytes
// that are no snapshot of a tree make an empty one. Bounds: those of what goes in.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "impl/tree/text_tree.h"
#include "impl/wire/bincode.h"
#include "impl/wire/tree_snapshot.h"

namespace prefixmesh::generations {

class RebuiltTree {
 public:
  // body: an encoded TreeSnapshot, or null for an empty tree.
  explicit RebuiltTree(const std::string* body);

  // Inserts of text, in order; removals only where they are applied.
  void Apply(std::span<const TreeOperation> operations, bool applies_removals);
  TreeSnapshot Snapshot() const;

 private:
  // kNoWorker when the numbers are used up.
  WorkerIndex Number(const std::string& name);

  TextTree tree_;
  std::map<std::string, WorkerIndex> numbers_;
  std::vector<std::string> names_;
};

// Holders over all nodes but the root: what a snapshot tells, as records.
std::uint64_t Holders(const TreeSnapshot& snapshot);

}  // namespace prefixmesh::generations
