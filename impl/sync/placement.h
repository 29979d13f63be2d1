// placement.h — a placement on its way to the strategy: what a request thread shows (PlacementView), and what is kept
// of it until the mesh loop takes it (Offer).
//
// Threads: a view lives as long as the call on the request thread; an offer moves to the mesh loop. Ownership: a view
// borrows, an offer owns. Units: depths in whole blocks from the front, 1 is the first. Errors, time: none. Bounds:
// what offers cost in the bounded queue says bytes().
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/ids.h"
#include "impl/base/slices.h"
#include "impl/tree/tree.h"

namespace prefixmesh {

enum class IndexKind : std::uint8_t { kBlock, kText };
inline const char* IndexKindName(IndexKind kind) { return kind == IndexKind::kBlock ? "block" : "text"; }

// One request that was placed, seen by the strategy on the request thread.
struct PlacementView {
  std::string_view model;
  Kind kind = Kind::kText;
  const Slices* prompt = nullptr;  // the bytes themselves
  std::span<const NodeId> blocks;  // ids of its whole blocks (block index only)
  WorkerIndex worker;
  std::string_view worker_name;
  Incarnation worker_incarnation;
  // See Insertion in impl/tree/tree.h.
  std::uint32_t branch_depth = 0;
  Announcement branch = Announcement::kNone;
  std::uint32_t leaf_depth = 0;
  bool repeat = false;
  bool refresh = false;
  std::uint64_t matched_bytes = 0;  // what the tree held of the prompt before this placement
  bool by_load = false;             // loads were out of balance, so the prefix was not asked
};

// What a strategy keeps of a placement between the request thread and the mesh loop. Unused fields stay empty.
struct Offer {
  std::string model;
  Kind kind = Kind::kText;
  WorkerIndex worker;
  std::string worker_name;
  Incarnation worker_incarnation;
  std::uint32_t leaf_depth = 0;
  // First the branch (or none: has_branch), then the new anchors, last the leaf.
  std::vector<NodeId> ids;
  bool has_branch = false;
  std::string prompt;  // an owned copy of the prompt, or of its first part, if the strategy keeps text
  bool by_load = false;

  // What it costs in the bounded offer queue.
  std::size_t bytes() const {
    return sizeof(Offer) + model.size() + worker_name.size() + ids.size() * sizeof(NodeId) + prompt.size();
  }
};

}  // namespace prefixmesh
