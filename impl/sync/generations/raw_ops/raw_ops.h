// raw_ops.h — the strategy "raw-ops": the second generation (S2) at #961. Raw operations with the whole prompt, sent as
// deltas once a second, and one encoded operation list per model as the fallback.
//
//   every second, per stream   deltas since this stream's watermark; a full state where the watermark fell behind
//   every 10 rounds            pending operations into the list
//   every 60 rounds            counters without a tree are dropped
//   received                   appended to the list or replacing it; the whole list is replayed into the tree
//   stream up, serving end     asks for the lists when it has none (H3); answered 100 entries a chunk (H12)
//
// It has the hazards H1–H7 and H9–H14 of the specification, but for those that are fixed (hazards.h). driver.h has
// what the generations share, op_store.h the state, the version rules and what goes in and out.
//
// Chosen where the history is silent: a checkpoint raises the counter to the list's version (without it an
// active-active pair refuses nearly all of each other's deltas after the first checkpoint); "its policy store is empty"
// is taken as "it has no list"; chunks of a snapshot are applied as they come; a snapshot frame above the transport's
// limit ends the stream, as the transport then did, and is reported as a refusal; timestamps are the mesh's monotonic
// time. Remove operations are stored and sent as any other, and dropped at the replay (H13).
//
// Threads, order, ownership, errors: strategy.h. Bounds: op_store.h; pending has no byte bound (historical).
// Records: local = operations appended · sent = operations in queued frames, repeats and full states included ·
//          received, applied, stale, unresolved: op_store.h.
// Layers:  op_store.h · snapshot request = control, answer = repair.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "impl/sync/generations/driver.h"
#include "impl/sync/generations/offers.h"
#include "impl/sync/generations/op_store.h"

namespace prefixmesh::generations {

struct RawOpsOptions {
  // Goes into every entry as its actor.
  std::string self_name = {};
  Constants constants = {};
  HazardSet fixed = {};
};

class RawOps final : public Generation {
 public:
  explicit RawOps(const RawOpsOptions& options);

  std::optional<Offer> Capture(const PlacementView& placement) const override { return CopyOf(placement); }
  void OnPlacement(Time now, Offer offer, Actions& actions) override;
  void OnRemoval(Time now, const Removal& removal, Actions& actions) override;
  void OnRound(Time now, Actions& actions) override;

  std::uint64_t Version(std::string_view key) const override { return store_.Version(key); }
  const OpStore& store() const { return store_; }  // for tests

 private:
  std::uint64_t StoreGeneration() const override { return store_.generation(); }
  std::vector<Batch> Collect(Time now, Collector& collector, Actions& actions) override;
  void Marked(PeerIndex /*peer*/, const std::string& key, std::uint64_t trim_watermark) override {
    store_.TrimAfterMark(key, trim_watermark);
  }
  void Refused(PeerIndex /*peer*/, const std::string& key) override { store_.ForceTrim(key); }
  bool AsksForSnapshot() const override { return store_.blobs() == 0; }
  std::vector<StoreEntry> Snapshot(Time now) override { return store_.Snapshot(now); }
  Result<Checked> Check(const Arrival& arrival) override { return store_.Check(arrival); }
  void AddBuffers(StrategyReport& report) const override { store_.AddTo(report); }

  OpStore store_;
};

}  // namespace prefixmesh::generations
