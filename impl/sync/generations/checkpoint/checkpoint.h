// checkpoint.h — the strategies "checkpoint" (S5e) and "checkpoint/b", "/c", "/d": the text tree is exported every 10
// rounds and sent compressed. Its first form, "checkpoint/a", is in full_snapshot.h.
//
//   /b  f9eaab075  exported as a flat list of operations, one for each node and tenant, with all the text above it
//   /c  5bffaa359  exported as a snapshot; a receiver expands it to the same list (compressed_bodies.h)
//   /d  0aff3d5d0  and not exported while the store's generation stands still: a router that neither places nor takes
//                  anything is silent. What a peer sent moves the generation, too: two idle routers go on exporting
//                  by turns as long as each one's export is news to the other, and stop when their versions meet
//   /e  3b52671e4  and what is above 8 MiB compressed is dropped and counts as sent, until the version moves; and every
//                  60 rounds garbage collection takes the bodies, with them the counters: versions start again, and
//                  what comes after is no news to a stream or peer that had the old ones (W15)
//
// An export takes the body's place, even that of newer bytes from a peer, and moves the counter. Each placement moves
// it, too, so that under load the same body goes out every second; and so does a removal, of which a tree says nothing.
// Received: compressed_bodies.h: at most 2,048 operations of it (H14, X10).
//
// These forms ran in a branch that also sent tenant deltas; here they stand alone ("tenant-deltas/d5" to "/d8" have
// both), and both ends read what comes. A flat list above 256 MiB is not exported: the original had no limit there. The
// tree's lock is held while its nodes are copied; the original's locks were one for each node.
//
// Threads, order, ownership, errors: strategy.h. Bounds: one body a tree, with none of its own (historical).
// Records: local = placements · the rest: op_store.h. Layer: structure.
// Source: specification of the generations, §2 S5.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "impl/sync/generations/compressed_bodies.h"
#include "impl/sync/generations/driver.h"
#include "impl/sync/generations/offers.h"
#include "impl/sync/generations/op_store.h"

namespace prefixmesh::generations {

enum class CheckpointForm : std::uint8_t { kB, kC, kD, kE };

struct CheckpointOptions {
  CheckpointForm form = CheckpointForm::kE;
  std::string self_name = {};
  Constants constants = {};
  HazardSet fixed = {};
};

class CheckpointSync final : public Generation {
 public:
  CheckpointSync(const CheckpointOptions& options, const TextTreeView& view);

  std::optional<Offer> Capture(const PlacementView& placement) const override { return NameOf(placement); }
  void OnPlacement(Time now, Offer offer, Actions& actions) override;
  void OnRemoval(Time now, const Removal& removal, Actions& actions) override;
  void OnRound(Time now, Actions& actions) override;

  std::uint64_t Version(std::string_view key) const override { return store_.Version(key); }
  // ---- for tests
  const OpStore& store() const { return store_; }
  std::uint64_t exported_bytes() const { return exported_bytes_; }  // ever

 private:
  std::uint64_t StoreGeneration() const override { return store_.generation(); }
  std::vector<Batch> Collect(Time now, Collector& collector, Actions& actions) override;
  bool AsksForSnapshot() const override { return store_.blobs() == 0; }
  std::vector<StoreEntry> Snapshot(Time now) override { return bodies_.Snapshot(now); }
  Result<Checked> Check(const Arrival& arrival) override { return bodies_.Check(arrival); }
  void AddBuffers(StrategyReport& report) const override { store_.AddTo(report); }

  const TextTreeView& view_;
  OpStore store_;  // of which nothing is ever pending
  CompressedBodies bodies_;
  std::uint64_t exported_bytes_ = 0;
};

}  // namespace prefixmesh::generations
