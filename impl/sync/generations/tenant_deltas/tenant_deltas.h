// tenant_deltas.h — start here for the strategy "tenant-deltas": the seventh generation (S7) as it was merged (#1011,
// e8a6fb6). Sixteen bytes and a url per placement, and nothing that repairs what they do not reach.
//
//   placement   {hash of the whole prompt, url, counter before it} into the model's buffer; and, where the tree was
//               asked, index[hash] ← the part of the prompt that had matched (path_index.h). A placement by load still
//               has its whole prompt copied, for nothing
//   removal     {hash 0, url} into the same buffer if it is of everything, of a prefix {its hash, url}
//   tick        the model's buffer is taken out, whatever becomes of it, and sent to this one stream: with three
//               routers a record reaches one peer (X1), and a refused or full one none (W5)
//   received    each hash that the index knows: its prefix into the text tree for that url; the others are dropped.
//               Then evictions: with hash 0 the worker leaves the tree, with what the same message placed since (W11);
//               others are ignored (W12). No version rule
//   60 rounds   counters of trees without a body go: versions and epochs start again (W14)
//   eviction    on the tick of the tree's eviction the index is cleared, if it has more entries than the tree may have
//               chars a tenant
//
// Nothing exports a tree and no snapshot has one, so a new or healed peer gets nothing (W8); bodies come only from
// peers that still send whole lists (compressed_bodies.h). Tokens are hashed and sent, and resolved nowhere (W3).
//
// The drafts before it, "tenant-deltas/d5" to "/d8", are the same with what came and went around it: the tree is
// exported every 10 rounds and sent compressed; bodies are part of a snapshot that a peer asks for; a delta whose
// version is not above the counter is dropped whole (W17); of every 30th round with records of a stream they are
// dropped in the belief that the export covers them (W16); and up to d7 every prompt was copied on the request thread.
//
//   /d5  f9eaab075                        exported as a flat list; a dialing end does not look into compressed bodies
//   /d6  5bffaa359                        as a snapshot, looked into at both ends; a placement by load is indexed, with
//                                         the whole prompt
//   /d7  faf776584, 0aff3d5d0, 3b52671e4  it is not; no export while nothing changed; above 8 MiB compressed it counts
//                                         as sent; every 60 rounds the bodies go, and all counters with them (W15)
//   /d8  d371f53a0                        the same on the wire: prompts that the tree was asked about are hashed in
//   place
//
// Those before these, whose records have no hash, are in path_deltas.h.
//
// Fixed (hazards.h), what a batch took out of the buffers is kept until the peer acknowledges it, and goes back where
// the queue was full or the stream ended (H1); what is refused as too big is gone as before (W5). With H4, the
// drafts hold a delta's version against what they have of that writer.
//
// Chosen where the history is silent: what has no model goes to "unknown"; the index is written when the mesh takes the
// placement over, before any later frame, not on the request thread; a serving end asks for a snapshot at every
// connect, for the store that it counts never has an entry here; the original's four policy slots are one. A hash of 0
// becomes 1 in d5, too, where it did not yet: nobody can show a prompt for it.
//
// To read it takes driver.h, what all generations do, and compressed_bodies.h, what it keeps of whole trees.
//
// Threads, order, ownership, errors: strategy.h; the hash is taken on the request thread (X15). Bounds: none on the
// buffers while no peer is connected (X2), none in bytes on the index (historical); both are running totals.
// Records: local = placements · sent = records in queued frames · received = those in frames that decode · applied =
// resolved, or operations of accepted lists · unresolved = hashes that the index did not know · stale = refused.
// Layers: records = placements · a batch with a body = structure.
// Source: specification of the generations, §2 S7, §2.9, §4.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "impl/sync/generations/compressed_bodies.h"
#include "impl/sync/generations/driver.h"
#include "impl/sync/generations/op_store.h"
#include "impl/sync/generations/tenant_deltas/path_index.h"
#include "impl/sync/generations/tenant_deltas/record_buffers.h"
#include "impl/sync/generations/tenant_deltas/structure_rounds.h"
#include "impl/wire/tenant_delta.h"

namespace prefixmesh::generations {

enum class TenantDeltaDraft : std::uint8_t { kD5, kD6, kD7, kD8, kMerged };

struct TenantDeltasOptions {
  TenantDeltaDraft draft = TenantDeltaDraft::kMerged;
  std::string self_name = {};
  Constants constants = {};
  // Those of the text trees: the index is looked at on the tick of their eviction, and its entries are compared with
  // what a tenant may hold in chars.
  Time text_eviction_period = std::chrono::seconds(120);
  std::uint64_t text_chars_max = 1u << 26;
  HazardSet fixed = {};
};

class TenantDeltas final : public Generation {
 public:
  TenantDeltas(const TenantDeltasOptions& options, const TextTreeView& view);

  std::optional<Offer> Capture(const PlacementView& placement) const override;
  void OnPlacement(Time now, Offer offer, Actions& actions) override;
  void OnRemoval(Time now, const Removal& removal, Actions& actions) override;
  void OnRound(Time now, Actions& actions) override;

  std::uint64_t Version(std::string_view key) const override { return store_.Version(key); }
  // ---- for tests
  const OpStore& store() const { return store_; }
  const PathIndex& index() const { return index_; }

 private:
  std::uint64_t StoreGeneration() const override { return store_.generation(); }
  std::vector<Batch> Collect(Time now, Collector& collector, Actions& actions) override;
  void Marked(PeerIndex peer, const std::string& key, std::uint64_t /*trim_watermark*/) override {
    buffers_.Forget(peer, key);
  }
  void Refused(PeerIndex peer, const std::string& key) override { buffers_.Forget(peer, key); }
  void StreamEnded(PeerIndex peer) override;
  bool AsksForSnapshot() const override { return !is_draft() || store_.blobs() == 0; }
  std::vector<StoreEntry> Snapshot(Time now) override;
  Result<Checked> Check(const Arrival& arrival) override;
  void AddBuffers(StrategyReport& report) const override;

  void Receive(const std::string& key, const TenantDeltaView& delta, Actions& actions);

  bool is_draft() const { return choices_.draft != TenantDeltaDraft::kMerged; }
  bool indexes_by_load() const { return choices_.draft == TenantDeltaDraft::kD6; }

  const TenantDeltasOptions choices_;
  const TextTreeView& view_;
  OpStore store_;  // counters, and the bodies of exports and older peers; nothing is ever pending
  CompressedBodies bodies_;
  PathIndex index_;
  RecordBuffers buffers_;
  Time index_age_{0};                 // since the index was looked at, in whole rounds
  StructureRounds structure_rounds_;  // of the drafts
};

}  // namespace prefixmesh::generations
