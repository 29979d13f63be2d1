// policy_sync.h — one router's policy store on its streams: what the strategies of all seven generations do alike.
//
//   round (1 s)    every 10 rounds Checkpoint, every 60 CollectGarbage (these and all other numbers: constants.h)
//   tick (1 s)     per stream, unless the idle gate is shut: Collect ─► size test ─► offer ─► mark (collector.h)
//   frame          decode ─► Check every entry ─► only then apply each: a bad frame changes nothing and is counted.
//                  Both read the frame in place: what is put together is one operation, or one body, at a time
//   stream up      zero watermarks; the serving end asks for a snapshot when it has none (H3)
//   asked          Snapshot, 100 entries a chunk (H12); a chunk above the transport's limit ends the stream, as it then
//                  did, and is reported as a refusal. Of one peer once a second: a request that comes sooner is counted
//                  (snapshot_deferred) and answered at a later tick of the same stream, several of them by one answer
//
// A generation derives from it and says what it keeps and what the bodies mean. What is historical is on, but for what
// the set of mended hazards takes away (hazards.h); H1 to H4, H6, H7 and H10 to H12 are mended here and in collector.h
// for all of them. Chunks of a snapshot are applied as they come; timestamps are the mesh's monotonic time.
//
// Threads, order, ownership, errors: strategy.h. Bounds: those of what the generation keeps, by its Report; a frame's
// entries by kEntriesMax, what they declare to be together by the largest claim, models by the names that requests may
// have. While a frame is handled the heap grows by at most 2 x max(frame, what it declares with what it goes on from) +
// 1 MiB (bounds_test.cc). Records: local = placements · sent = operations or records in queued frames, repeats included
// · received = those in frames that decode · the rest is the generation's. Source: specification of the generations,
// §1.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "impl/base/function_ref.h"
#include "impl/sync/generations/collector.h"
#include "impl/sync/generations/constants.h"
#include "impl/sync/generations/hazards.h"
#include "impl/sync/generations/snapshot_pieces.h"
#include "impl/sync/generations/tree_store.h"
#include "impl/sync/strategy.h"
#include "impl/wire/policy_state.h"

namespace prefixmesh::generations {

struct PolicySyncOptions {
  // Goes into every entry as its actor.
  std::string self_name = {};
  Constants constants = {};
  SizeRule size_rule = {};
  HazardSet mended = {};
};

// What the mesh must provide: 128 messages a peer, frames of 10 MiB since #893, gzip since #899.
StrategyTraits MakeTraits(std::string_view name, const PolicySyncOptions& options);

class PolicySync : public SyncStrategy {
 public:
  const StrategyTraits& traits() const override { return traits_; }
  void OnRound(Time now, Actions& actions) override;
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
  PolicySync(const PolicySyncOptions& options, const StrategyTraits& traits) : options_(options), traits_(traits) {}

  // ---- what a generation says
  // Moves with every change of the store: the idle gate.
  virtual std::uint64_t Generation() const = 0;
  // What this stream has not had, as batches with entries, each with the generation of now.
  virtual std::vector<Batch> Collect(Time now, Collector& collector, Actions& actions) = 0;
  // A batch to this stream was marked: queued, or refused at a serving end.
  virtual void Marked(PeerIndex /*peer*/, const std::string& /*key*/) {}
  // A batch was refused at a dialer and not marked.
  virtual void Refused(PeerIndex /*peer*/, const std::string& /*key*/) {}
  virtual void Checkpoint(Time /*now*/) {}
  virtual void CollectGarbage() {}
  // The store is empty, so that a serving end asks its new peer for a snapshot.
  virtual bool AsksForSnapshot() const = 0;
  virtual std::vector<StoreEntry> Snapshot(Time now) = 0;
  // One tree's value from a peer.
  struct Arrival {
    Bytes value;  // the envelope as it came; good until the frame is handled
    PolicyStateView envelope;
    std::string key;                        // under which it is kept here
    StreamRole role = StreamRole::kServer;  // of this end
  };
  // A value that decodes, and how to apply it: with an error if it does not go together with what is kept. A tag that
  // this generation does not look into has neither records nor `apply`.
  struct Checked {
    std::uint64_t records = 0;
    std::function<Status(Actions&)> apply = {};
    std::uint64_t declared_bytes = 0;  // what it says it is when decompressed
  };
  virtual Result<Checked> Check(const Arrival& arrival) = 0;
  // The same for an entry whose envelope has another form.
  virtual Result<Checked> CheckEntry(const StoreEntryView& entry, StreamRole role);
  virtual void AddBuffers(StrategyReport& report) const = 0;

  // The model's name, or that of requests without one.
  static std::string_view ModelName(const PlacementView& placement);
  bool mended(Hazard hazard) const { return options_.mended.contains(hazard); }
  // The key of what this router writes for a model.
  std::string OwnKey(std::string_view model) const;
  // The key of what a peer sent about a model. kCorrupt: with H4 mended, the entry's key is no writer's of that model.
  Result<std::string> KeyOf(const StoreEntryView& entry, std::string_view model) const;
  // What a mark may trim of a key's pending: all of it, or with H7 mended what every stream has had.
  std::uint64_t TrimWatermark(std::string_view key) const;
  // A copy of the whole prompt, as the callers of most generations made for each request.
  static Offer CopyOf(const PlacementView& placement);
  // The same copy made and dropped: what is left is whose it was. For those whose callers built an operation for
  // nothing.
  static Offer NameOf(const PlacementView& placement);

  const PolicySyncOptions options_;
  RecordCounts records_;
  Trims trims_;

 private:
  // Asks the stream's collector what was marked, and tells the generation.
  void Mark(PeerIndex peer, FunctionRef<std::optional<Collector::Marked>(Collector&)> by);
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
  void AnswerSnapshot(Time now, PeerIndex peer, Actions& actions);
  void AnswerInPieces(std::span<const StoreEntry> entries, PeerIndex peer, Actions& actions);

  const StrategyTraits traits_;
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
