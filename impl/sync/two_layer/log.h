// log.h — one router's placement log as this router holds it: the window, and what is known of its owner.
//
// Threads: mesh loop. Ownership: a value. Errors: none. Time: durations only; < 0 means never. Bounds: window.h.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "impl/env/env.h"
#include "impl/sync/two_layer/frame_format.h"
#include "impl/sync/two_layer/names.h"
#include "impl/sync/two_layer/window.h"

namespace prefixmesh::two_layer {

struct Log {
  // Seqs [first, end); empty when equal.
  struct Seqs {
    std::uint32_t first = 0, end = 0;
    bool empty() const { return first == end; }
  };

  OriginKey key;
  std::uint64_t key_hash = 0;
  Window window;
  std::uint64_t serial = 0;      // of this copy: one that was dropped and learned again has another
  std::uint16_t index_slot = 0;  // the log's number in the index; 0 is the own log
  Introducer by = kSelf;         // who introduced it, or its owner, once that was connected itself
  Time evidence_at{0};           // the owner was alive then
  Time direct_at{-1};            // the owner's own stream said something of the log then
  Time progress_at{0};           // a record came in then
  Time lacks_since{-1};          // more is known to exist than is here; < 0: it is all here
  std::uint32_t heartbeat = 0;   // the owner's count of heartbeats, the highest that anyone announced
  std::uint32_t known_head = 1;  // the owner has written up to here, as far as anyone announced
  bool aged = false;             // its whole window counts as the older half
  Seqs deferred;                 // records about incarnations that an own worker has not confirmed lie in it
  Seqs replay;                   // what the running pass has not read yet (deferred.h)

  bool own() const { return index_slot == 0; }
};

// The own log first, the rest by key.
using Logs = std::vector<std::unique_ptr<Log>>;

}  // namespace prefixmesh::two_layer
