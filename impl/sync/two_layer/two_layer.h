// two_layer.h — the strategy of this project: placement logs, one writer each, told in packed rounds and acknowledged.
//
// Layer 1, every round: a request that is news becomes a record (branch, coarse anchors, leaf → worker) in this
// router's log. A round stamps the new records once, in the order of their leaves, and sends each peer what it lacks.
// "Sent" means acknowledged, so a lost stream costs a resend and nothing else. This router's in-flight counts ride
// along, when they changed, so that routing balances cluster-wide.
//
// Layer 2, when someone needs it: the owner pushes. A router that has heard of more than it holds and sees no progress
// pulls a log from whoever showed it; the answer is a stream of pages, each acknowledged before the next, from a cursor
// (log, seq) that any other router can go on with. While it is pulled the log is under a lease: what comes in at the
// donor goes on to the puller each round, so that routers which cannot reach each other learn through a third.
//
// Layer 3, at rest: one digest per peer and second, and nothing else while digests are equal. When they differ, the
// routers exchange vectors: where each stands in every log. Acks save bytes; the vector is the truth.
//
// What a frame may do wrong is in the table of docs/formats/two_layer.md: what is counted, told and closed for.
//
// Threads, ownership, errors: those of SyncStrategy. Time: `now` of each call; only differences are used.
// Bounds: those of replica.h; per peer options.peer_unacked_bytes in flight and one frame of options.page_bytes being
// built; per stream kNamesMax names of each kind, kPositionsMax acks due, one vector and kRefusalsMax refusals. What a
// peer can make this router send is in docs/formats/two_layer.md; what cannot be sent is not built.
// Source: ../../../docs/two_layer.md; van Renesse et al., LADIS 2008 (Scuttlebutt) for positions per origin.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "impl/sync/strategy.h"
#include "impl/sync/two_layer/frame_format.h"
#include "impl/sync/two_layer/replica.h"

namespace prefixmesh::two_layer {

struct Options {
  // The beat. Shorter is fresher and costs about 66 bytes of headers per round and peer.
  Time round_period = std::chrono::milliseconds(50);
  // A record names the ids at blocks 1, 2, 4, … and then every `anchors` blocks; 0 = branch and leaf only. An anchor
  // has to lie inside a shared prefix to name its worker; a spacing above the shortest shared prefix finds nothing.
  std::uint32_t anchors = 32;
  // This router's own log. A copy of another's may be four times as large before it is refused.
  std::uint64_t window_bytes = 16u << 20;
  // Records sent to one peer in one frame, in bytes as kept.
  std::uint64_t page_bytes = 256u << 10;
  // Sent to one peer and not acknowledged yet; above it only acks, loads and digests go out.
  std::uint64_t peer_unacked_bytes = 1u << 20;
  // A log whose owner nobody heard for so long is dropped everywhere.
  Time dead_after = std::chrono::minutes(10);
  // Names the hash configuration; peers with another are refused.
  std::uint64_t hash_key_id = 0;
  std::uint32_t text_block_bytes = 256;
  std::uint32_t tokens_block_tokens = 16;
  std::uint32_t version_max = kVersionMax;
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
  std::vector<LogPosition> Positions() const override;

  const Replica& replica() const { return replica_; }

  static constexpr Time kHeartbeat = std::chrono::seconds(1);
  // No progress for so long on what is known to exist: pull.
  static constexpr Time kPullAfter = std::chrono::milliseconds(400);
  // An ack alone waits for so long for something to ride on.
  static constexpr Time kAckDelay = std::chrono::milliseconds(500);
  static constexpr Time kLease = std::chrono::seconds(3);
  // What went unanswered so often is not sent again, nor anything after it, until the peer says where it stands: it
  // hears nothing of this router, or will hear all of it at once.
  static constexpr int kUnansweredMax = 2;
  // Refusals that wait for a peer; what is beyond is counted only, and refused again when it is said again.
  static constexpr std::size_t kRefusalsMax = 8;
  // Of the names that the slots of one stream mean.
  static constexpr std::size_t kStreamNameBytesMax = 1u << 20;
  // Sent to one peer between two beats, because an ack or a pull asked for it: above it the next beat sends.
  static constexpr std::uint64_t kFlushBytesMax = 4u << 20;
  // Of one frame, as the transport takes it. Pages are far below it; a simulation holds that no frame is above.
  static constexpr std::size_t kFrameBytesMax = 4u << 20;
  // Digests that differ and do not move are answered with vectors and registers at least so often.
  static constexpr Time kDisagreeMax = std::chrono::seconds(8);
  // Frames in a row that do not decode before the stream is closed.
  static constexpr int kCorruptMax = 16;

 private:
  struct Peer;
  struct Sending;
  struct Asked;
  template <typename Name>
  struct Defined;

  // two_layer.cc: events and what comes in
  void Collect(Time now, Actions& actions);
  void NoteWorkers();
  void AskWorkers(Actions& actions);
  void Dispatch(Time now, PeerIndex index, Bytes frame, Actions& actions);
  void OnHello(Time now, PeerIndex index, Bytes frame, Actions& actions);
  void OnRefusal(Time now, PeerIndex index, Bytes frame, Actions& actions);
  void OnVector(Time now, PeerIndex index, const Vector& vector, Actions& actions);
  void OnPull(Time now, PeerIndex index, const Pull& pull, Actions& actions);
  void OnRoundFrame(Time now, PeerIndex index, const Round& round, Actions& actions);
  bool Define(Peer& peer, const Round& round);
  void OnRange(Time now, PeerIndex index, const RangeView& range, Actions& actions);
  bool Resolve(PeerIndex index, const OriginKey& key, bool relayed, Actions& actions);
  void OnAck(Time now, PeerIndex index, const Ack& ack, Actions& actions);
  void OnDigest(Time now, PeerIndex index, const Digest& digest, Actions& actions);
  void Reject(Time now, PeerIndex index, RefuseReason reason, const OriginKey& key, Actions& actions);
  void RefuseAndClose(Time now, PeerIndex index, RefuseReason reason, Actions& actions);
  void GoOnAnew(Time now, Actions& actions);
  void Forget(Peer& peer);
  void MakeRoomForAck(Peer& peer, const OriginKey& key, const OriginKey& sender);

  // sending.cc: what goes out
  enum Token : std::uint64_t { kRoundToken = 1, kRegistersToken, kOtherToken };
  void Send(PeerIndex index, std::string frame, Layer layer, Token token, Actions& actions);
  bool Blocked(Time now, const Peer& peer) const;
  void Flush(Time now, PeerIndex index, Actions& actions);
  void SendRefusals(Time now, PeerIndex index, Actions& actions);
  void Restate(Time now, Peer& peer);
  void SendHello(Time now, PeerIndex index, Actions& actions);
  void SendVector(Time now, PeerIndex index, bool reply_wanted, Actions& actions);
  void SendRegisters(Time now, PeerIndex index, std::uint64_t since, Actions& actions);
  void SendRound(Time now, PeerIndex index, Actions& actions);
  void AddLoads(Peer& peer, Round& round);
  const std::string& EncodedRange(const Log& log, std::uint32_t first, std::uint32_t end);
  static void ForgetInFlight(Peer& peer, Sending& sending);
  void StopAndRepeat(Time now, Peer& peer);
  void Repair(Time now, Actions& actions);
  Digest OwnDigest() const;
  bool Reaches(Time now, const Log& log) const;
  std::uint64_t SealTo(const Peer& peer) const;

  const Options options_;
  const StrategyView& view_;
  // Three heartbeats, each up to a round late. Nothing heard for so long: a peer's loads are void and its vector is not
  // believed; after half of it pushes are not waited for, and it is only sent heartbeats.
  const Time silent_;
  StrategyTraits traits_;

  Replica replica_;
  std::vector<Offer> pending_;  // news since the last round
  std::uint64_t pending_bytes_ = 0;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::map<OriginKey, Asked> asked_;  // pulls under way
  std::uint64_t view_version_ = 0;    // of the view, when its workers were read
  std::uint16_t vector_turn_ = 0;     // whom to ask next while traffic runs
  Time vector_turn_at_{0};
  Time beat_at_{-1};  // when own().beat last rose
  Time anew_at_{-1};  // when this router last took a new incarnation

  // The range that was encoded last: routers that stand at the same place get the same bytes.
  struct {
    OriginKey key;
    std::uint32_t first = 0, end = 0, floor = 0, head = 0;
    std::uint64_t names = 0;
    std::string bytes;
  } encoded_;

  // The slots of the range in hand, in this router's; kNoSlot: the range does not name it. And the record in hand.
  SlotMap slots_;
  Record record_;
  RecordCounts records_;
  std::uint64_t decode_errors_ = 0;
  std::uint64_t unknown_frames_ = 0;
  std::uint64_t rejects_[10] = {};  // by RefuseReason
  std::uint64_t acks_dropped_ = 0;
  std::uint64_t refusals_dropped_ = 0;
  std::uint64_t loads_clamped_ = 0;
};

}  // namespace prefixmesh::two_layer
