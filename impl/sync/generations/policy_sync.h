// policy_sync.h — one router's policy store on its streams: what the strategies of all seven generations do alike.
//
//   round (1 s)    every 10 rounds a checkpoint is due, every 60 a garbage collection (numbers: constants.h)
//   tick (1 s)     per stream, unless the idle gate is shut: Collect ─► size test ─► offer ─► mark (collector.h)
//   frame          decode ─► Check every entry ─► only then apply each: a bad frame changes nothing and is counted.
//                  Both read the frame in place: what is put together is one operation, or one body, at a time
//   stream up      zero watermarks; the serving end asks for a snapshot when it has none (H3)
//   asked          Snapshot, 100 entries a chunk (H12); a chunk above the transport's limit ends the stream, as it then
//                  did, and is reported as a refusal. Of one peer once a second: a request that comes sooner is counted
//                  (snapshot_deferred) and answered at a later tick of the same stream, several of them by one answer
//
// A generation derives from it, has its stores, and says what is its own. What is historical is on, but for what the
// set of mended hazards takes away (hazards.h); H1 to H3, H6, H7 and H10 to H12 are mended here and in collector.h for
// all of them. Chunks of a snapshot are applied as they come; timestamps are the mesh's monotonic time.
//
// Threads, order, ownership, errors: strategy.h. Bounds: those of what the generation keeps, by its Report; a frame's
// entries by kEntriesMax, what they declare to be together by the largest claim, models by the names that requests may
// have. While a frame is handled the heap grows by at most 2 x max(frame, what it declares with what it goes on from) +
// 1 MiB (bounds_test.cc). Records: local = placements · sent = operations or records in queued frames, repeats included
// · received = those in frames that decode · the rest is the generation's. Source: specification of the generations,
// §1.
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

// What the mesh must provide: 128 messages a peer, frames of 10 MiB since #893, gzip since #899.
StrategyTraits MakeTraits(std::string_view name, const Constants& constants);

class PolicySync : public SyncStrategy {
 public:
  const StrategyTraits& traits() const override { return traits_; }
  void OnPeerTick(Time now, PeerIndex peer, Actions& actions) override;
  void OnPeerUp(Time now, PeerIndex peer, StreamRole role, Actions& actions) override;
  void OnPeerDown(Time now, PeerIndex peer, Actions& actions) override;
  void OnFrame(Time now, PeerIndex peer, Bytes frame, Actions& actions) override;
  void OnSendResult(Time now, PeerIndex peer, std::uint64_t token, SendOutcome outcome, Actions& actions) override;
  // None keeps records by id: always false.
  bool Holds(std::string_view, Kind, NodeId, std::string_view) const override { return false; }
  StrategyReport Report() const override;
  // The counter of one key; 0 if there is none.
  virtual std::uint64_t Version(std::string_view key) const = 0;

 protected:
  PolicySync(Context context, const StrategyTraits& traits, SizeRule size_rule = {})
      : context_(std::move(context)), traits_(traits), size_rule_(size_rule) {}

  // A round begins; what is due in it.
  struct Due {
    bool checkpoint = false, garbage = false;
  };
  Due Round();

  // ---- what a generation says
  // Moves with every change of the store: the idle gate.
  virtual std::uint64_t StoreGeneration() const = 0;
  // What this stream has not had, as batches, each with the store's generation of now. One without entries is none.
  virtual std::vector<Batch> Collect(Time now, Collector& collector, Actions& actions) = 0;
  // A batch to this stream was marked: queued, or refused at a serving end. Of what is pending for the key may be
  // trimmed what lies at or below the watermark: all of it, or with H7 mended what every stream has had.
  virtual void Marked(PeerIndex /*peer*/, const std::string& /*key*/, std::uint64_t /*trim_watermark*/) {}
  // A batch was refused at a dialer and not marked.
  virtual void Refused(PeerIndex /*peer*/, const std::string& /*key*/) {}
  // The stream is down, or begins anew.
  virtual void StreamEnded(PeerIndex /*peer*/) {}
  // The store is empty, so that a serving end asks its new peer for a snapshot.
  virtual bool AsksForSnapshot() const = 0;
  // All that a peer gets that asks.
  virtual std::vector<StoreEntry> Snapshot(Time now) = 0;
  virtual Result<Checked> Check(const Arrival& arrival) = 0;
  // The same for an entry whose envelope has another form.
  virtual Result<Checked> CheckEntry(const StoreEntryView& entry, StreamRole role);
  virtual void AddBuffers(StrategyReport& report) const = 0;

  Context context_;

 private:
  // Offers one batch to a stream, and tells the generation what is decided by its size.
  void OfferBatch(Collector& collector, Batch batch, Actions& actions);
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

  const StrategyTraits traits_;
  const SizeRule size_rule_;
  std::map<PeerIndex, Collector> collectors_;
  std::map<PeerIndex, SnapshotAssembly> assemblies_;  // H12 mended
  std::map<PeerIndex, SnapshotAnswers> answers_;      // outlive the streams
  std::uint64_t snapshots_deferred_ = 0;
  std::uint64_t rounds_ = 0;
  std::uint64_t tokens_ = 0;
  std::uint64_t watermarks_ = 0;  // over all collectors
  std::uint64_t decode_errors_ = 0;
};

}  // namespace prefixmesh::generations
