// driver.h — start here for the generations: one router's policy store on its streams, which all seven run alike.
//
//   raw_ops/ …     a generation, one final class: its stores, what reads and writes their bodies, and what is its own
//   driver.h       rounds, streams, frames, outcomes · collector.h: one stream's sending end · store_frame.h: the bytes
//   stores         op_store.h (lists), snapshot_store.h (trees), on pending_ops.h and tree_store.h · crdt_log.h
//   bodies         arrival.h (checked, then applied), compressed_bodies.h, rebuilt_tree.h; the formats are impl/wire
//   what it was    constants.h, hazards.h · context.h: what the parts of one generation share
//
//   round (1 s)    every 10 rounds a checkpoint is due, every 60 a garbage collection (numbers: constants.h)
//   tick (1 s)     per stream, unless the idle gate is shut: Collect ─► size test ─► offer ─► mark
//   frame          decode ─► Check every entry ─► only then apply each: a bad frame changes nothing and is counted
//   stream up      zero watermarks; the serving end asks for a snapshot when it has none (H3)
//   asked          Snapshot, 100 entries a chunk (H12); a chunk above the transport's limit ends the stream, as it then
//                  did, and is reported as a refusal. Of one peer once a second: a request that comes sooner is counted
//                  (snapshot_deferred) and answered at a later tick of the same stream, several of them by one answer
//
// A worker that dropped everything is one Remove operation for its model, or moves the counter where no operations are
// kept; what each makes of it says its header. One that dropped a prefix was nothing before the seventh. The original
// had the operation and no caller that made one; here it has (removal.h).
//
// What is historical is on, but for what the set of fixed hazards takes away; H1 to H3, H6, H7 and H10 to H12 are
// fixed here and in collector.h for all of them. Chunks of a snapshot are applied as they come; timestamps are the
// mesh's monotonic time.
//
// Threads, order, errors: strategy.h. Ownership: a generation has its driver, which borrows it. Bounds: those of what
// the generation keeps; a frame's entries by kEntriesMax, what they declare to be together by the largest claim, models
// by the names that requests may have. While a frame is handled the heap grows by at most 2 x max(frame, what it
// declares with what it goes on from) + 1 MiB (bounds_test.cc). Records: local = placements · sent = operations or
// records in queued frames, repeats included · received = those in frames that decode · the rest is the generation's.
// Source: specification of the generations, §1.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "impl/base/function_ref.h"
#include "impl/sync/generations/arrival.h"
#include "impl/sync/generations/collector.h"
#include "impl/sync/generations/context.h"
#include "impl/sync/generations/snapshot_pieces.h"
#include "impl/sync/strategy.h"

namespace prefixmesh::generations {

// What the driver asks of its generation.
class Driven {
 public:
  virtual ~Driven() = default;
  // The counter of one key; 0 if there is none.
  virtual std::uint64_t Version(std::string_view key) const = 0;
  // Moves with every change of the store: the idle gate.
  virtual std::uint64_t StoreGeneration() const = 0;
  // What this stream has not had, as batches, each with the store's generation of now. One without entries is none.
  virtual std::vector<Batch> Collect(Time now, Collector& collector, Actions& actions) = 0;
  // A batch to this stream was marked: queued, or refused at a serving end. Of what is pending for the key may be
  // trimmed what lies at or below the watermark: all of it, or with H7 fixed what every stream has had.
  virtual void Marked(PeerIndex /*peer*/, const std::string& /*key*/, std::uint64_t /*trim_watermark*/) {}
  // A batch was refused at a dialer and not marked.
  virtual void Refused(PeerIndex /*peer*/, const std::string& /*key*/) {}
  // The stream is down, or begins anew.
  virtual void StreamEnded(PeerIndex /*peer*/) {}
  // The store is empty, so that a serving end asks its new peer for a snapshot.
  virtual bool AsksForSnapshot() const = 0;
  // All that a peer gets that asks.
  virtual std::vector<StoreEntry> Snapshot(Time now) = 0;
  // One entry from a peer.
  virtual Result<Checked> CheckEntry(const StoreEntryView& entry, StreamRole role) = 0;
  virtual void AddBuffers(StrategyReport& report) const = 0;
};

// What the mesh must provide: 128 messages a peer, frames of 10 MiB since #893, gzip since #899.
StrategyTraits MakeTraits(std::string_view name, const Constants& constants);

class Driver {
 public:
  // All are borrowed.
  Driver(Context& context, Driven& generation, const StrategyTraits& traits, SizeRule size_rule = {})
      : context_(context), generation_(generation), traits_(traits), size_rule_(size_rule) {}
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  const StrategyTraits& traits() const { return traits_; }

  // A round begins; what is due in it.
  struct Due {
    bool checkpoint = false, garbage = false;
  };
  Due Round();
  void Tick(Time now, PeerIndex peer, Actions& actions);
  void StreamUp(PeerIndex peer, StreamRole role, Actions& actions);
  void StreamDown(PeerIndex peer);
  void Frame(Time now, PeerIndex peer, Bytes bytes, Actions& actions);
  void SendResult(PeerIndex peer, std::uint64_t token, SendOutcome outcome, Actions& actions);
  StrategyReport Report() const;

 private:
  // Offers one batch to a stream, and tells the generation what is decided by its size.
  void Offer(Collector& collector, Batch batch, Actions& actions);
  // Asks the stream's collector what was marked, and tells the generation.
  void Mark(PeerIndex peer, FunctionRef<std::optional<Collector::Marked>(Collector&)> by);
  std::uint64_t TrimWatermark(std::string_view key) const;
  // Counts what is not taken, and says so; `kind` is what did not decode.
  void Reject(PeerIndex peer, const char* kind, std::string_view model, Actions& actions);
  void ApplyEntries(const StoreFrame& frame, PeerIndex peer, Actions& actions);
  void TakePiece(const StoreFrame& frame, PeerIndex peer, Actions& actions);
  // A request is a few bytes, an answer the whole store.
  struct SnapshotAnswers {
    Time last{0};       // of the last answer
    bool owed = false;  // to the stream that is up
  };
  void AskedForSnapshot(Time now, PeerIndex peer, Actions& actions);
  void AnswerInChunks(std::span<const StoreEntry> entries, PeerIndex peer, Actions& actions);
  void AnswerInPieces(std::span<const StoreEntry> entries, PeerIndex peer, Actions& actions);

  Context& context_;
  Driven& generation_;
  const StrategyTraits traits_;
  const SizeRule size_rule_;
  std::map<PeerIndex, Collector> collectors_;
  std::map<PeerIndex, SnapshotAssembly> assemblies_;  // H12 fixed
  std::map<PeerIndex, SnapshotAnswers> answers_;      // outlive the streams
  std::uint64_t snapshots_deferred_ = 0;
  std::uint64_t rounds_ = 0;
  std::uint64_t tokens_ = 0;
  std::uint64_t watermarks_ = 0;  // over all collectors
  std::uint64_t decode_errors_ = 0;
};

// A strategy whose streams, frames and figures are its driver's. What is left to each is what it keeps of a placement,
// what it does in a round, and what the driver asks.
class Generation : public SyncStrategy, public Driven {
 public:
  const StrategyTraits& traits() const final { return driver_.traits(); }
  void OnPeerTick(Time now, PeerIndex peer, Actions& actions) final { driver_.Tick(now, peer, actions); }
  void OnPeerUp(Time, PeerIndex peer, StreamRole role, Actions& actions) final {
    driver_.StreamUp(peer, role, actions);
  }
  void OnPeerDown(Time, PeerIndex peer, Actions&) final { driver_.StreamDown(peer); }
  void OnFrame(Time now, PeerIndex peer, Bytes frame, Actions& actions) final {
    driver_.Frame(now, peer, frame, actions);
  }
  void OnSendResult(Time, PeerIndex peer, std::uint64_t token, SendOutcome outcome, Actions& actions) final {
    driver_.SendResult(peer, token, outcome, actions);
  }
  // None keeps records by id.
  bool Holds(std::string_view, Kind, NodeId, std::string_view) const final { return false; }
  StrategyReport Report() const final { return driver_.Report(); }
  // Opens it and has it checked; for all but one form, whose envelope is another.
  Result<Checked> CheckEntry(const StoreEntryView& entry, StreamRole role) override;

 protected:
  Generation(Context context, const StrategyTraits& traits, SizeRule size_rule = {})
      : context_(std::move(context)), driver_(context_, *this, traits, size_rule) {}
  virtual Result<Checked> Check(const Arrival& arrival) = 0;

  Context context_;
  Driver driver_;
};

}  // namespace prefixmesh::generations
