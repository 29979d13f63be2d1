// raw_ops.h — the strategy "raw-ops": the second generation (S2) at #961. Raw operations with the whole prompt, sent as
// deltas once a second, and one encoded operation list per model as the fallback.
//
//   every second, per stream   deltas since this stream's watermark; a full state where the watermark fell behind
//   every 10 rounds            pending operations into the blob
//   every 60 rounds            counters without a tree are dropped
//   received                   appended to the blob or replacing it; the whole list is replayed into the tree
//   stream up, serving end     asks for the blobs when it has none (H3); answered 100 entries a chunk (H12)
//
// Everything historical is on and there is no switch: H1–H7, H9–H14 of the specification. collector.h has what the
// generations share, op_store.h the state and the version rules, store_frame.h the bytes.
//
// Chosen where the history is silent: a checkpoint raises the counter to the blob's version (without it an
// active-active pair refuses nearly all of each other's deltas after the first checkpoint); "its policy store is empty"
// is taken as "it has no blob"; chunks of a snapshot are applied as they come; a snapshot frame above the transport's
// limit ends the stream, as the transport then did, and is reported as a refusal; timestamps are the mesh's monotonic
// time. Remove operations are decoded, stored and sent on, and dropped at the replay (H13); none is created, since no
// caller did.
//
// Threads, order, ownership, errors: strategy.h. Bounds: op_store.h; pending has no byte bound (historical).
// Records: local = operations appended · sent = operations in queued frames, repeats and full states included ·
//          received = operations in frames that decode · applied = those of accepted deltas and states ·
//          stale = those the version rule refused · unresolved = 0 (the prompt travels with the operation).
// Layers:  delta = placements · a batch with any whole list = structure · snapshot request = control, answer = repair.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "impl/sync/generations/collector.h"
#include "impl/sync/generations/raw_ops/op_store.h"
#include "impl/sync/strategy.h"

namespace prefixmesh::generations {

struct RawOpsOptions {
  // Goes into every entry as its actor.
  std::string self_name = {};
  // Σ value bytes above which a batch is refused; frame_bytes is this and kFramingBytes.
  std::uint64_t batch_bytes_max = 10u << 20;
  std::uint32_t checkpoint_rounds = 10;
  std::uint32_t garbage_rounds = 60;
  OpStoreOptions store = {};
};

class RawOps final : public SyncStrategy {
 public:
  explicit RawOps(const RawOpsOptions& options);

  const StrategyTraits& traits() const override { return traits_; }
  std::optional<Offer> Capture(const PlacementView& placement) const override;
  void OnPlacement(Time now, Offer offer, Actions& actions) override;
  void OnRound(Time now, Actions& actions) override;
  void OnPeerTick(Time now, PeerIndex peer, Actions& actions) override;
  void OnPeerUp(Time now, PeerIndex peer, StreamRole role, Actions& actions) override;
  void OnPeerDown(Time now, PeerIndex peer, Actions& actions) override;
  void OnFrame(Time now, PeerIndex peer, Bytes frame, Actions& actions) override;
  void OnSendResult(Time now, PeerIndex peer, std::uint64_t token, SendOutcome outcome, Actions& actions) override;
  // It keeps no records by id: always false.
  bool Holds(std::string_view model, Kind kind, NodeId leaf, std::string_view worker) const override;
  StrategyReport Report() const override;

  const OpStore& store() const { return store_; }  // for tests

 private:
  void ApplyEntries(const StoreFrame& frame, Actions& actions);
  void AnswerSnapshot(Time now, PeerIndex peer, Actions& actions);

  const RawOpsOptions options_;
  const StrategyTraits traits_;
  OpStore store_;
  std::map<PeerIndex, Collector> collectors_;
  std::uint64_t rounds_ = 0;
  std::uint64_t tokens_ = 0;
  std::uint64_t watermarks_ = 0;  // over all collectors
  RecordCounts records_;
  std::uint64_t decode_errors_ = 0;
};

}  // namespace prefixmesh::generations
