// stream.h — one stream to one peer: all that this router keeps of it, from the moment it comes up until it ends.
//
// Nothing of a stream outlives it. It is made when the transport says that the stream is up and destroyed when the
// transport says that it is down, when either end refused the other, or when this router takes a new incarnation; the
// next hello and vector say where things stand. So there is one handshake, one set of send windows and one meaning of
// slots per object, and nothing is ever reset.
//
//   stream.cc         greeting, dispatch, what is refused          peer_names.h   what the peer's slots mean
//   stream_compare.cc vectors and digests: where each stands       send_window.h  a log on its way to the peer
//   stream_receive.cc rounds and pulls from the peer               load_table.h   in-flight counts, both ways
//   stream_send.cc    rounds to the peer                           backoff.h      waiting
//
// Threads: mesh loop. Ownership: borrows the host, which owns it; hence no call destroys the stream: a FrameOutcome
// asks the caller to. Time: `now` of each call. Errors: what does not fit is counted, refused and closed for as the
// table of docs/formats/two_layer.md says. Bounds: options.peer_unacked_bytes in flight and one frame of
// options.page_bytes being built; those of peer_names.h; kPositionsMax acks due, one vector and kRefusalsMax refusals.
// What cannot be sent is not built.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "impl/sync/two_layer/backoff.h"
#include "impl/sync/two_layer/frame_format.h"
#include "impl/sync/two_layer/host.h"
#include "impl/sync/two_layer/load_table.h"
#include "impl/sync/two_layer/peer_names.h"
#include "impl/sync/two_layer/send_window.h"

namespace prefixmesh::two_layer {

// What its owner has to do with a stream after a frame of the peer.
enum class FrameOutcome : std::uint8_t {
  kKeep,
  kPositions,   // keep; the peer said where it stands, so something may be worth a pull
  kEnd,         // it ended: destroy it
  kTwoWriters,  // someone else writes under this router's name: it takes a new incarnation, and all streams end
};

class Stream {
 public:
  Stream(Host& host, PeerIndex index, Time now);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void SendHello(Time now, Actions& actions);
  FrameOutcome OnFrame(Time now, Bytes frame, Actions& actions);
  // What a frame asked for goes out before the next round.
  void Flush(Time now, Actions& actions);
  // `ask_around`: some log is about to be dropped here.
  void OnRound(Time now, bool ask_around, Actions& actions);
  void OnSendResult(Time now, std::uint64_t token, SendOutcome outcome);
  void SendPull(const Pull& pull, Actions& actions);

  bool greeted() const { return phase_ != Phase::kAwaitsHello; }
  Time received_at() const { return received_at_; }
  // The peer is the owner of this log, in its present incarnation.
  bool IsOwnerOf(const OriginKey& key) const;
  // How much of this log the peer's vector showed; 0: nothing.
  std::uint32_t HaveOf(const OriginKey& key) const;
  // In flight, over all windows.
  std::uint64_t UnackedBytes() const;

 private:
  enum class Phase : std::uint8_t {
    kAwaitsHello,
    kGreeted,     // its hello is in and fits
    kPositioned,  // its vector is in: ranges may go out
  };
  enum Token : std::uint64_t { kRoundToken = 1, kRegistersToken, kOtherToken };

  // What becomes true when the transport has taken the frame of a round.
  struct Staged {
    struct Part {
      OriginKey key;
      std::uint32_t end;
      std::uint64_t bytes;
      std::uint64_t records;
    };
    std::vector<Part> parts;
    std::uint64_t scopes = 0, workers = 0;
    std::vector<std::pair<std::size_t, std::uint32_t>> loads;  // place among the view's workers, count
    std::uint64_t view_version = 0;
    bool loads_read = false;
    std::uint32_t load_hash = 0;  // announced_.load_hash then
    bool digest = false;
    Time at{0};
  };
  // The encoded ranges of a round.
  struct Ranges {
    std::vector<std::string> encoded;
    std::uint64_t own_bytes = 0, relayed_bytes = 0;
  };

  // stream.cc
  const OriginKey& own_key() const { return host_.replica.own().key; }
  Introducer by() const { return static_cast<Introducer>(index_.value + 1); }
  std::uint64_t SealTo() const { return SealKey(own_key().incarnation, incarnation_); }
  std::uint64_t SealFrom() const { return SealKey(incarnation_, own_key().incarnation); }
  void OnReceived(Time now);
  FrameOutcome OnHello(Time now, Bytes frame, Actions& actions);
  // Why a hello is refused; nothing: it fits.
  std::optional<RefuseReason> ReasonToRefuse(const Hello& hello) const;
  FrameOutcome OnRefusal(Time now, Bytes frame, Actions& actions);
  void Refuse(RefuseReason reason, const OriginKey& key, Actions& actions);
  void OweRefusal(RefuseReason reason, const OriginKey& key);
  FrameOutcome RefuseCorrupt(Actions& actions);
  FrameOutcome RefuseAndClose(RefuseReason reason, Actions& actions);
  FrameOutcome OnTwoWriters(Time now) const;
  void SendRefusals(Time now, Actions& actions);
  void Send(std::string frame, Layer layer, Token token, Actions& actions);

  // stream_compare.cc
  FrameOutcome OnVector(Time now, const Vector& vector, Actions& actions);
  void OnDigest(Time now, const Digest& digest, Actions& actions);
  void CompareLoads(const Digest& digest, Actions& actions);
  void CompareRegisters(Time now, const Digest& digest, const Digest& own, Actions& actions);
  void CompareVectors(Time now, const Digest& digest, const Digest& own, Actions& actions);
  Digest OwnDigest() const;
  void SendVector(Time now, bool reply_wanted, Actions& actions);
  void SendRegisters(Time now, std::uint64_t since, Actions& actions);

  // stream_receive.cc
  FrameOutcome OnRoundFrame(Time now, const Round& round, Actions& actions);
  FrameOutcome OnAck(Time now, const Ack& ack);
  void OnLoads(const Round& round, Actions& actions);
  FrameOutcome OnRange(Time now, const RangeView& range, Actions& actions);
  FrameOutcome OnNotAccepted(Time now, Accepted accepted, const OriginKey& key, Actions& actions);
  bool ResolveNames(const OriginKey& key, bool relayed, Actions& actions);
  bool& OweAck(Time now, const OriginKey& key);
  void MakeRoomForAck(const OriginKey& key);
  void OnPull(Time now, const Pull& pull, Actions& actions);

  // stream_send.cc
  void SendRound(Time now, Actions& actions);
  void Restate(Time now);
  void AddAcks(Round& round) const;
  void AddLoads(Round& round);
  void AddDigest(Time now, Round& round);
  void AddDefinitions(Round& round);
  Ranges TakeRanges(Time now);
  bool HasNews(Time now, const Round& round, const Ranges& ranges) const;

  Host& host_;
  const PeerIndex index_;
  Phase phase_ = Phase::kAwaitsHello;
  Incarnation incarnation_;  // the peer's
  Time received_at_;
  bool timed_out_ = false;  // for so long that what it said of loads counts as zero
  int corrupt_in_a_row_ = 0;

  // What the peer was sent.
  std::map<OriginKey, SendWindow> windows_;  // the own log's always, others' while they are leased
  struct {
    std::uint64_t scopes = 0, workers = 0, registers = 0;  // versions
    std::vector<std::uint32_t> loads;                      // in the order of the view's workers
    std::uint32_t load_hash = 0;                           // as LoadTable's of them
    bool loads_unknown = false;                            // it may have missed some: all are said again, zeros too
    std::uint64_t view_version = 0;                        // when `loads` was true
  } announced_;
  Time hello_at_{-1}, vector_at_{-1}, registers_at_{-1}, digest_at_{-1}, refused_at_{-1}, restated_at_{-1};
  RepeatBackoff registers_backoff_, vector_backoff_;
  SendBackoff send_backoff_;
  std::uint64_t flushed_bytes_ = 0;  // sent since the last round
  Staged staged_;

  // What the peer sent.
  PeerNames names_;
  std::vector<Position> vector_;
  Digest digest_;
  std::uint64_t own_vector_then_ = 0;  // this router's hashes when that digest came
  std::uint32_t own_registers_then_ = 0;
  LoadTable loads_received_;
  bool loads_differed_ = false;  // from what that digest said

  // What the peer is owed.
  std::map<OriginKey, bool> acks_due_;  // true: with a hole; at most kPositionsMax
  std::vector<Refusal> refusals_due_;   // at most kRefusalsMax
  Time acks_since_{0};                  // the oldest of acks_due_
  bool ack_at_once_ = false;
  bool resync_due_ = false;     // this router lacks names or counts
  bool resync_asked_ = false;   // it asked for names and counts again
  bool loss_reported_ = false;  // it got a frame that did not open
  bool flush_ = false;          // something is due before the next round
};

}  // namespace prefixmesh::two_layer
