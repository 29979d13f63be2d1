// op_sync.h — a policy store whose trees are operation lists (op_store.h): what raw-ops does, and the ground that the
// generations with tenant deltas or compressed states stand on.
//
//   sent       one batch for the whole store (H10): deltas, full states where the watermark fell behind, lists as news
//   marked     pending above its limit is halved; refused at a dialer: halved, too (H2, H7)
//   received   tree_state_delta, tree_state: appended to the list or replacing it; the whole list is replayed into the
//              tree (H9) without the removals (H13)
//   asked      every list
//
// Threads, order, ownership, errors: strategy.h. Bounds: op_store.h.
// Records: applied = operations of accepted deltas and states · stale = those the version rule refused · unresolved = 0
// (the prompt travels with the operation). Layers: delta = placements · a batch with any whole list = structure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "impl/sync/generations/op_store.h"
#include "impl/sync/generations/policy_sync.h"

namespace prefixmesh::generations {

class OpSync : public PolicySync {
 public:
  const OpStore& store() const { return store_; }  // for tests
  std::uint64_t Version(std::string_view key) const override { return store_.Version(key); }

 protected:
  OpSync(const PolicySyncOptions& options, const StrategyTraits& traits)
      : PolicySync(options, traits), store_(options.constants, options.mended, trims_) {}

  std::uint64_t Generation() const override { return store_.generation(); }
  std::vector<Batch> Collect(Time now, Collector& collector, Actions& actions) override;
  void Marked(PeerIndex /*peer*/, const std::string& key) override { store_.TrimAfterMark(key, TrimWatermark(key)); }
  void Refused(PeerIndex /*peer*/, const std::string& key) override { store_.ForceTrim(key); }
  void CollectGarbage() override { store_.CollectGarbage(); }
  bool AsksForSnapshot() const override { return store_.blobs() == 0; }
  std::vector<StoreEntry> Snapshot(Time now) override { return store_.Snapshot(options_.self_name, now); }
  Result<Checked> Check(const Arrival& arrival) override;
  void AddBuffers(StrategyReport& report) const override;

  // The prompt and its worker as an operation, whole.
  static TreeOperation OperationOf(Offer offer);
  // The counts of what a state or a delta became.
  void Count(OpStore::Applied applied, std::uint64_t records);

  OpStore store_;
};

// One operation of a list into the tree; removals are dropped, but with H13 mended. Where the whole list is replayed
// for each delta (H9), so are the removals in it.
void ReplayInto(Actions& actions, std::string_view model, const OperationView& operation, HazardSet mended);

}  // namespace prefixmesh::generations
