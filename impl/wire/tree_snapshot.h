// tree_snapshot.h — a whole text tree as the third to the fifth generation stored and sent it: its nodes in pre-order.
//
//   TreeSnapshot  nodes                                  8 + Σ(20 + edge + Σ(16 + url)), in bincode.h's format
//     node          edge (tenant epoch)… child_count
//
// It carries no version (W19): sender and receiver used the envelope's. Epochs of different routers come from counters
// that have nothing to do with each other.
//
// Threads, ownership, errors: as bincode.h. Bounds: a decoded snapshot takes at most a few times its input; what
// StateFromSnapshot expands it to, kExpandedBytesMax.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "impl/base/result.h"
#include "impl/base/slices.h"
#include "impl/wire/bincode.h"

namespace prefixmesh::generations {

struct SnapshotNode {
  std::string edge;                                            // text between its parent and it
  std::vector<std::pair<std::string, std::uint64_t>> tenants;  // url, epoch
  std::uint32_t child_count = 0;                               // of the nodes that follow

  friend bool operator==(const SnapshotNode&, const SnapshotNode&) = default;
};

struct TreeSnapshot {
  std::vector<SnapshotNode> nodes;

  friend bool operator==(const TreeSnapshot&, const TreeSnapshot&) = default;
};

std::string Encode(const TreeSnapshot& snapshot);
// Takes any child counts; whether they make a tree shows when it is walked.
Result<TreeSnapshot> DecodeTreeSnapshot(Bytes bytes);

// Whether the child counts make one tree of the nodes (no nodes are none), and whoever holds a node holds its parent,
// the root aside, as in their trees: else a small body would have a merge add every holder to every node of a long
// chain.
bool IsTree(const TreeSnapshot& snapshot);

// The flat operations that make the same tree: one insert per node and tenant but for the root, in pre-order, through
// TreeState's cap (H14, X10). kCorrupt: the nodes are no tree. kExhausted: a deep chain would take more than
// kExpandedBytesMax (W24).
inline constexpr std::size_t kExpandedBytesMax = 256u << 20;
Result<TreeState> StateFromSnapshot(const TreeSnapshot& snapshot, std::string model_id, std::uint64_t version,
                                    std::size_t operations_max = TreeState::kOperationsMax);

}  // namespace prefixmesh::generations
