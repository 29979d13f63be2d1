// strategy.h — start here for sync: the seam behind which every sync strategy lives. The A/B variable.
//
//   placement.h   what it is told of a request        actions.h   what it wants done
//   removal.h     what it is told of a worker         report.h    what it says of itself
//   strategy.h    what it is
//
// A strategy is a pure state machine, (now, event) → actions. It has no threads, clocks, sockets or randomness of its
// own; the mesh (impl/mesh) drives it and carries out its actions in order (Actions says when).
// docs/adding-a-strategy.md shows one.
//
// Threads:   Capture is const and runs on request threads. Everything else runs on the mesh loop, one call at a time.
// Order:     nothing that reaches the wire may depend on the iteration order of an unordered container.
// Ownership: views passed in are borrowed for the call; a strategy pays for its own copies.
// Errors:    bytes from peers are hostile: a frame that does not decode changes nothing and is counted by reason.
// Bounds:    every buffer a strategy keeps has a byte bound and a drop rule, reported by Report. While a frame is
//            handled the heap grows by at most 2 x max(the frame, the size it declares) + 1 MiB.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "impl/base/slices.h"
#include "impl/env/env.h"
#include "impl/sync/actions.h"
#include "impl/sync/placement.h"
#include "impl/sync/removal.h"
#include "impl/sync/report.h"

namespace prefixmesh {

struct WorkerLoad {
  std::string_view name;
  Incarnation incarnation;
  std::uint32_t in_flight = 0;  // this router's own
  bool unreached = false;       // it replied once, and is unhealthy now
};

class StrategyView {
 public:
  virtual ~StrategyView() = default;
  // The workers that this router was given, always in the same order. Valid until the next call.
  virtual std::span<const WorkerLoad> Workers() const = 0;
  // Changes whenever anything in Workers() did.
  virtual std::uint64_t WorkersVersion() const = 0;
  virtual std::size_t PeerCount() const = 0;
  virtual std::string_view PeerName(PeerIndex peer) const = 0;
  // A new one for this router: nobody ever had it.
  virtual Incarnation NewIncarnation() const = 0;
};

// What a strategy is, before it runs.
struct StrategyTraits {
  std::string_view name;
  bool runs_on_block = false;
  bool runs_on_text = false;
  // The tick of OnRound; zero: never.
  Time round_period{0};
  // The tick of OnPeerTick for each stream, with a phase of its own that starts when the stream comes up; zero: never.
  Time peer_tick_period{0};
  // The transport's queue per peer: frames and bytes, whichever is reached first.
  std::size_t queue_frames = 1024;
  std::size_t queue_bytes = 8u << 20;
  // The transport's limit on one frame as it is on the wire, both ways.
  std::size_t frame_bytes = 1u << 20;
  // A gzipped frame that says it is larger ends the stream.
  std::size_t inflated_bytes = 1u << 20;
  // A frame above frame_bytes ends the stream, as it did when the limit was the transport's alone.
  bool oversize_ends_stream = false;
  bool gzip = false;
  // The bounded queue between request threads and the mesh loop; what does not fit is dropped and counted.
  std::size_t offer_bytes = 1u << 20;
  // Placements so far are handed over before each frame, too: for strategies whose original wrote its state on the
  // request thread, so that a frame saw all that was placed before it.
  bool offers_before_frames = false;
  // The strategy keeps records and can answer Holds.
  bool keeps_records = false;
  // OnRemoval comes for these alone; the others are counted as untold.
  TellsRemovals tells_removals = TellsRemovals::kNone;
};

class SyncStrategy {
 public:
  virtual ~SyncStrategy() = default;

  virtual const StrategyTraits& traits() const = 0;

  // Request thread: copy what is needed of this placement, or nothing. O(1) in the state, no I/O, no lock.
  virtual std::optional<Offer> Capture(const PlacementView& placement) const = 0;

  virtual void OnPlacement(Time now, Offer offer, Actions& actions) = 0;
  // A worker dropped something, after the placements so far and before those to come.
  virtual void OnRemoval(Time /*now*/, const Removal& /*removal*/, Actions& /*actions*/) {}
  virtual void OnRound(Time now, Actions& actions) = 0;
  virtual void OnPeerTick(Time now, PeerIndex peer, Actions& actions) = 0;
  virtual void OnPeerUp(Time now, PeerIndex peer, StreamRole role, Actions& actions) = 0;
  virtual void OnPeerDown(Time now, PeerIndex peer, Actions& actions) = 0;
  virtual void OnFrame(Time now, PeerIndex peer, Bytes frame, Actions& actions) = 0;
  virtual void OnSendResult(Time now, PeerIndex peer, std::uint64_t token, SendOutcome outcome, Actions& actions) = 0;

  // True when a record of exactly this prefix and worker is kept, whatever the index forgot.
  virtual bool Holds(std::string_view model, Kind kind, NodeId leaf, std::string_view worker) const = 0;

  virtual StrategyReport Report() const = 0;

  // In canonical order, logs without records left out. Empty: a strategy that keeps no logs. Copies; not for every
  // tick.
  virtual std::vector<LogPosition> Positions() const { return {}; }
};

}  // namespace prefixmesh
