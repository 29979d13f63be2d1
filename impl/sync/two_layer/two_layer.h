// two_layer.h — the strategy of this project: placement logs, one writer each, told in packed rounds and acknowledged.
//
// Layer 1: every request that is news becomes a record (branch, coarse anchors, leaf → worker) in this router's log. A
// round stamps the new records once, in the order of their leaves, and sends each peer what it lacks: collected once,
// fanned out. A record is released by nobody's queue, only by this router's own byte budget (the window's floor);
// "sent" means acknowledged, so a lost stream costs a resend and nothing else. Receivers keep records as they are and
// match by id: no structure is needed to use them. Rounds with nothing to say are not sent: silence when idle.
//
// Loads ride along: this router's in-flight count per worker, when it changed, so that routing balances cluster-wide.
//
// What is not here yet: pulling ranges from a third router, paged transfer of long windows, ageing of dead origins and
// digests (the frames have their places: Position vectors, Ack::hole, unknown kinds are skipped).
//
// Threads, ownership, errors: those of SyncStrategy. Time: rounds only. Bounds: own window and each copy
// options.window_bytes (oldest record out, floor moves); unacknowledged bytes per peer options.peer_unacked_bytes;
// kOriginsMax copies of other routers' logs.
// Source: design.md's two layers; the single-writer log with per-peer positions is Scuttlebutt's idea (van Renesse et
// al., LADIS 2008), oldest first and without gaps.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "impl/sync/strategy.h"
#include "impl/sync/two_layer/frames.h"
#include "impl/sync/two_layer/names.h"
#include "impl/sync/two_layer/window.h"

namespace prefixmesh::two_layer {

struct Options {
  // The beat. Shorter is fresher and costs about 66 bytes of headers per round and peer.
  Time round_period = std::chrono::milliseconds(50);
  // A record names the ids at blocks 1, 2, 4, … and then every `anchors` blocks; 0 = branch and leaf only. An anchor
  // has to lie inside a shared prefix to name its worker; a spacing above the shortest shared prefix finds nothing.
  std::uint32_t anchors = 32;
  // This router's own log, and each copy of a peer's.
  std::uint64_t window_bytes = 16u << 20;
  // Records sent to one peer in one round, in bytes as kept.
  std::uint64_t peer_round_bytes = 256u << 10;
  // Sent to one peer and not acknowledged yet; above it only acks and loads go out.
  std::uint64_t peer_unacked_bytes = 1u << 20;
  // Names the hash configuration; peers with another are refused.
  std::uint64_t hash_key_id = 0;
  std::string router;       // this router's name
  Incarnation incarnation;  // this life's; unique
};

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

  static constexpr std::size_t kOriginsMax = 64;

 private:
  struct Peer;
  // A copy of another router's log.
  struct Origin {
    std::string name;
    Incarnation incarnation;
    Window window;
    std::uint16_t slot = 0;     // in the index; this router is 0
    std::uint64_t touched = 0;  // order of last use, for dropping the oldest copy
  };

  void Collect(Actions& actions);
  void SendRound(PeerIndex index, Actions& actions);
  void OnHello(PeerIndex index, Bytes frame, Actions& actions);
  void OnRoundFrame(PeerIndex index, Bytes frame, Actions& actions);
  void ApplyAck(Peer& peer, const Ack& ack);
  void Refuse(PeerIndex index, RefuseReason reason, Actions& actions);
  void CountDecodeError(PeerIndex index, Actions& actions);

  Origin& OriginOf(const std::string& name, Incarnation incarnation, Actions& actions);
  void DropRecord(Origin& origin, Actions& actions);
  // True when the register allows records about this incarnation; raises it when it is newer.
  bool Register(const WorkerName& worker, Actions& actions);

  const Options options_;
  const StrategyView& view_;
  StrategyTraits traits_;

  Interner<ScopeName> scopes_;
  Interner<WorkerName> workers_;
  std::map<std::string, Incarnation, std::less<>> registers_;
  std::vector<Offer> pending_;  // news since the last round
  std::uint64_t pending_bytes_ = 0;
  Window own_;
  std::vector<std::unique_ptr<Origin>> origins_;
  std::uint16_t next_slot_ = 1;
  std::uint64_t uses_ = 0;
  std::vector<std::unique_ptr<Peer>> peers_;
  Record scratch_;
  RecordCounts records_;
  std::uint64_t decode_errors_ = 0;
};

}  // namespace prefixmesh::two_layer
