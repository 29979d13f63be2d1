// two_layer.h — start here for the strategy of this project: placement logs, one writer each, sent in packed rounds and
// acknowledged.
//
// Layer 1, every round: a request that is news becomes a record (branch, coarse anchors, leaf → worker) in this
// router's log. A round stamps the new records once, in the order of their leaves, and sends each peer what it lacks.
// "Sent" means acknowledged, so a lost stream costs a resend and nothing else. This router's in-flight counts ride
// along, when they changed, so that routing balances cluster-wide.
//
// Layer 2, when someone needs it: the owner pushes. A router that has heard of more than it holds and sees no progress
// pulls a log from the peer that showed it; the answer is a stream of pages, each acknowledged before the next, from a
// cursor (log, seq) that any other router can go on with. While it is pulled the log is under a lease: what comes in at
// the donor goes on to the puller each round, so that routers which cannot reach each other learn through a third.
//
// Layer 3, at rest: one digest per peer and second, and nothing else while digests are equal. When they differ, the
// routers exchange vectors: where each stands in every log. Acks save bytes; the vector is the truth.
//
// The files, each using only what is below it:
//
//   two_layer       the events: placements, rounds, streams up and down, frames; a new incarnation of this router
//   repair, pulls   what to pull from whom                     capture    what of a placement is news
//   stream          all of one peer's stream (stream.h)        host       what its streams share
//   replica         what is replicated, and how it merges      (log_table, applier, registers, deferred)
//   frame_reader, frame_writer, frame_format                   the bytes
//   log, window, record_names, names                           one log, packed, and its interned names
//
// What a frame may do wrong is in the table of docs/formats/two_layer.md: what is counted, refused and closed for.
//
// Threads, ownership, errors: those of SyncStrategy. Time: `now` of each call; only differences are used.
// Bounds: those of replica.h and stream.h. What a peer can make this router send is in docs/formats/two_layer.md.
// Source: ../../../docs/two_layer.md; van Renesse et al., LADIS 2008 (Scuttlebutt) for positions per origin.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "impl/sync/strategy.h"
#include "impl/sync/two_layer/options.h"
#include "impl/sync/two_layer/replica.h"

namespace prefixmesh::two_layer {

struct Host;
class Repair;

class TwoLayer final : public SyncStrategy {
 public:
  // `view` is borrowed and must outlive the strategy.
  TwoLayer(Options options, const StrategyView& view);
  ~TwoLayer() override;

  const StrategyTraits& traits() const override { return traits_; }
  std::optional<Offer> Capture(const PlacementView& placement) const override;
  void OnPlacement(Time now, Offer offer, Actions& actions) override;
  void OnRound(Time now, Actions& actions) override;
  void OnPeerTick(Time now, PeerIndex peer, Actions& actions) override;
  void OnPeerUp(Time now, PeerIndex peer, StreamRole role, Actions& actions) override;
  void OnPeerDown(Time now, PeerIndex peer, Actions& actions) override;
  void OnFrame(Time now, PeerIndex peer, Bytes frame, Actions& actions) override;
  void OnSendResult(Time now, PeerIndex peer, std::uint64_t token, SendOutcome outcome, Actions& actions) override;
  bool Holds(std::string_view model, Kind kind, NodeId leaf, std::string_view worker) const override;
  StrategyReport Report() const override;
  std::vector<LogPosition> Positions() const override;

  const Replica& replica() const;

  // Of one frame, as the transport takes it. Pages are far below it; a simulation holds that no frame is above.
  static constexpr std::size_t kFrameBytesMax = 4u << 20;
  static constexpr Time kLease = two_layer::kLease;

 private:
  void Collect(Time now, Actions& actions);
  void RecordWorkers();
  void AskWorkers(Actions& actions);
  void RestartWithNewIncarnation(Time now, Actions& actions);

  StrategyTraits traits_;
  std::unique_ptr<Host> host_;
  std::unique_ptr<Repair> repair_;
  std::vector<Offer> pending_;  // news since the last round
  std::uint64_t pending_bytes_ = 0;
  std::uint64_t view_version_ = 0;  // of the view, when its workers were read
  Time heartbeat_at_{-1};           // when own().heartbeat last rose
};

}  // namespace prefixmesh::two_layer
