// removal.h — what a worker dropped from its cache, on its way to the strategy: one prefix, or everything.
//
// The worker says so itself; nothing infers it. What takes its words makes one removal of each, in their order, and
// gives it to the router (RouterCore::OnRemoval), whose own index forgets what was dropped before the strategy is told.
// A removal stands in one queue with the placements, so the strategy gets both in the order in which they were made.
//
// A worker that begins anew has dropped everything: that is a removal of everything under its new incarnation.
//
// Threads: moves from the one that takes the worker's words to the mesh loop. Ownership: values. Errors, time: none.
// Bounds: what it costs in the queue says bytes().
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "impl/base/ids.h"

namespace prefixmesh {

struct Removal {
  std::string model;
  // All that the worker held for the model, text and tokens; else one prefix, and with it all that begins so.
  bool everything = false;
  // The prefix, as its tree names it. What is shorter is still there.
  Kind kind = Kind::kText;
  std::vector<NodeId> blocks;  // block index: ids of its whole blocks; the last one names it
  std::string prompt;          // text trees: the prefix itself, tokens as 4 little-endian bytes each
  std::string worker_name;
  Incarnation worker_incarnation;
  // Of the worker's word among those of this incarnation: with a higher one more was done since.
  std::uint64_t event_sequence = 0;

  // What it costs in the bounded offer queue.
  std::size_t bytes() const {
    return sizeof(Removal) + model.size() + blocks.size() * sizeof(NodeId) + prompt.size() + worker_name.size();
  }
};

// What a strategy can tell its peers of removals.
enum class TellsRemovals : std::uint8_t { kNone, kEverything, kPrefixes };  // the last: everything, too
inline bool Tells(TellsRemovals tells, const Removal& removal) {
  return removal.everything ? tells != TellsRemovals::kNone : tells == TellsRemovals::kPrefixes;
}

}  // namespace prefixmesh
