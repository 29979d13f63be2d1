// tree_snapshot.h — a whole text tree as the third to the fifth generation stored and sent it: its nodes in pre-order.
//
//   TreeSnapshot  nodes                                  8 + Σ(20 + edge + Σ(16 + url)), in bincode.h's format
//     node          edge (tenant epoch)… child_count
//
// It carries no version (W19): sender and receiver used the envelope's. Epochs of different routers come from counters
// that have nothing to do with each other.
//
// Threads, ownership, errors: as bincode.h. Bounds: a view takes nothing; to check or walk a tree takes at most half of
// its bytes, however deep it is; a decoded snapshot takes a few times its bytes; the flat list, kExpandedBytesMax.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "impl/base/function_ref.h"
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
// The whole value, each part a copy: for what this router made itself. Takes any child counts.
Result<TreeSnapshot> DecodeTreeSnapshot(Bytes bytes);

// ---- views: what a peer's bytes say of themselves, checked whole, nothing copied. The bytes must outlive the view.

// Who holds a node, borrowed.
struct HolderList {
  std::uint64_t count = 0;
  Bytes bytes;

  // Calls f(url, epoch) for each.
  template <typename F>
  void ForEach(F&& f) const {
    ByteReader reader(bytes);
    while (reader.remaining() > 0) {
      const std::string_view url = ReadString(reader);
      f(url, reader.Fixed64());
    }
  }
};

struct SnapshotNodeView {
  std::string_view edge;
  HolderList holders;
  std::uint32_t child_count = 0;
};
// False when the bytes are no node; the reader may then be anywhere.
bool ReadNode(ByteReader& reader, SnapshotNodeView& node);

// Nodes one behind the other, in pre-order. Made by the functions below, so that reading them cannot fail.
struct SnapshotView {
  std::uint64_t nodes = 0;
  std::uint64_t holders = 0;             // over all nodes
  std::uint64_t holders_below_root = 0;  // what a snapshot tells, as records
  bool has_tree_shape = false;           // the child counts make at most one tree of the nodes
  Bytes bytes;

  template <typename F>
  void ForEach(F&& f) const {
    ByteReader reader(bytes);
    for (SnapshotNodeView node; reader.remaining() > 0 && ReadNode(reader, node);) f(node);
  }
};
// Takes any child counts.
Result<SnapshotView> ViewTreeSnapshot(Bytes bytes);
// The same, and the child counts make one tree of the nodes (no nodes are none), and whoever holds a node holds its
// parent, the root aside, as in their trees: else a small body would have a merge add every holder to every node of a
// long chain. At most kHoldersMax names, as many workers as a router knows.
Result<SnapshotView> ViewTree(Bytes bytes);
inline constexpr std::size_t kHoldersMax = 1024;

// ---- the flat operations that make the same tree: one insert per node and tenant but for the root, in pre-order

// How many. kCorrupt: the nodes are no tree. kExhausted: a deep chain would take more than kExpandedBytesMax (W24).
inline constexpr std::size_t kExpandedBytesMax = 256u << 20;
Result<std::uint64_t> CountFlat(const SnapshotView& snapshot);
// Calls `sink` for each but the first `skip`; CountFlat took the snapshot. One prompt at a time is put together.
void ForEachFlat(const SnapshotView& snapshot, std::uint64_t skip,
                 FunctionRef<void(std::string prompt, std::string_view tenant)> sink);
// An encoded TreeState of them, through its cap (H14, X10). Errors: those of CountFlat.
Result<std::string> EncodeFlat(const SnapshotView& snapshot, std::string_view model_id, std::uint64_t version,
                               std::size_t operations_max = TreeState::kOperationsMax);

}  // namespace prefixmesh::generations
