// pulls.h — whether to ask for a log that does not come, and whom: a pure function of the time, of what this router and
// each peer have, and of the pull that is outstanding.
//
//   a lack that is known for `timeout` and does not shrink   pull: from the owner if it can be reached, else from
//                                                            the peer that showed more
//   a pull that brings nothing                               again, waiting twice as long each time, up to kLease
//   a pull from another than the owner                       is a lease of kLease: renewed half-way while it brings
//                                                            something and the owner stays out of reach
//
// Threads: any, no state. Ownership: values; a PullState borrows its sources. Errors: none. Bounds: the caller's.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "impl/base/ids.h"
#include "impl/env/env.h"

namespace prefixmesh::two_layer {

// A pull under way.
struct PendingPull {
  PeerIndex peer;
  Time at{0};
  Time timeout{0};         // no progress for so long: ask again
  std::uint32_t have = 1;  // when it was sent
};

// A copy of another router's log, and who can serve it.
struct PullState {
  struct Source {
    PeerIndex peer;
    std::uint32_t have = 1;  // what it showed last
  };
  std::uint32_t have = 1;      // everything below it is here
  std::uint32_t known = 1;     // everything below it exists
  Time progress_at{0};         // a record came in then
  Time lacks_since{0};         // `have` is below `known` since then
  bool owner_reached = false;  // the owner talks to this router itself
  // Of peers that are heard. The owner is not among the others while it is reached.
  std::optional<PeerIndex> owner;
  std::span<const Source> others;
  bool pending_peer_up = false;  // the stream that the outstanding pull went to
};

struct PullDecision {
  bool send = false;                   // a pull goes to pending->peer, from `have` on
  std::optional<PendingPull> pending;  // outstanding from now on
};

// `timeout`: what a pull waits for before anything is known of it.
PullDecision DecidePull(Time now, Time timeout, const PullState& state, const std::optional<PendingPull>& pending);

}  // namespace prefixmesh::two_layer
