// full_snapshot.h — the strategies "full-snapshot" (S4, two forms) and "checkpoint/a" (S5a, #983 cb37face1): no
// operations at all, the whole text tree, uncompressed, a batch for each tree.
//
//                    what is sent when the counter moved       every 10 rounds
//   full-snapshot    the live tree, as it is now               nothing
//   full-snapshot/b  the body                                  body ← the live tree
//   checkpoint/a     the body                                  body ← the live tree, and the counter moves: an idle
//                                                              router exports and sends for ever
//
// A placement moves the counter and nothing else, and so does a removal; a placement's caller still made the operation,
// with a copy of the prompt, that is dropped. A tree says who is in it and not who left, so nobody learns of a removal.
// Under load the counter moves every second, so /b and checkpoint/a send the same bytes up to ten times
// under ten versions, and a peer merges them ten times. Above 10 MiB a dialer builds and refuses every second for ever,
// and a serving end marks what it refused (H2); below, the trees converge in a round. What is received goes back to its
// origin, which refuses it (H6); received and asked: snapshot_store.h.
//
// Chosen where the history is silent: no commit was full-snapshot alone. Its first form keeps its counters, where
// garbage collection elsewhere drops those without a body every 60 rounds. An export holds the tree's lock for its
// copy; the original's locks were one for each node.
//
// Threads, order, ownership, errors: strategy.h. Bounds: one body a tree, with none of its own (historical).
// Records: local = placements · sent, received, applied, stale = holders of nodes in snapshots. Layer: structure.
// Source: specification of the generations, §2 S4 and S5.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "impl/sync/generations/driver.h"
#include "impl/sync/generations/offers.h"
#include "impl/sync/generations/snapshot_store.h"
#include "impl/sync/generations/text_tree_view.h"

namespace prefixmesh::generations {

enum class FullSnapshotForm : std::uint8_t { kLive, kStored, kCheckpoint };

struct FullSnapshotOptions {
  FullSnapshotForm form = FullSnapshotForm::kLive;
  std::string self_name = {};
  Constants constants = {};
  HazardSet fixed = {};
};

class FullSnapshot final : public Generation {
 public:
  FullSnapshot(const FullSnapshotOptions& options, const TextTreeView& view);

  std::optional<Offer> Capture(const PlacementView& placement) const override { return NameOf(placement); }
  void OnPlacement(Time now, Offer offer, Actions& actions) override;
  void OnRemoval(Time now, const Removal& removal, Actions& actions) override;
  void OnRound(Time now, Actions& actions) override;

  std::uint64_t Version(std::string_view key) const override { return store_.Version(key); }

 private:
  std::uint64_t StoreGeneration() const override { return store_.trees().generation(); }
  std::vector<Batch> Collect(Time now, Collector& collector, Actions& actions) override;
  bool AsksForSnapshot() const override { return store_.trees().bodies().empty(); }
  std::vector<StoreEntry> Snapshot(Time now) override { return store_.Snapshot(now); }
  Result<Checked> Check(const Arrival& arrival) override { return store_.Check(arrival); }
  void AddBuffers(StrategyReport& report) const override { store_.AddTo(report); }

  std::vector<Batch> CollectLive(Time now, const Collector& collector) const;
  void Checkpoint();
  void CollectGarbage();

  const FullSnapshotForm form_;
  const TextTreeView& view_;
  SnapshotStore store_;
};

}  // namespace prefixmesh::generations
