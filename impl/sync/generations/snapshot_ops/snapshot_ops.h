// snapshot_ops.h — the strategies "snapshot-ops" (S3, #983 96f98f606) and "capped-ops" (S6, #983 02af58465): operations
// with the whole prompt as deltas, a snapshot of the tree where raw-ops had the list.
//
//   placement   an operation into pending (pending_ops.h), counter + 1
//   tick        pending beyond the watermark as a delta. On a gap: the body and all that is pending rebuilt as a tree
//               and sent as a snapshot. Bodies of other keys that are news: as they are. One batch for all of it (H10)
//   10 rounds   body ← rebuilt tree of body and pending; kept, and pending dropped, only if there was no body yet or no
//               placement was made meanwhile: the version of the rebuild is compared with a counter that traffic moves
//               (H8). With placements per second × seconds of a rebuild ≥ 1 it is kept once, and pending grows
//   received    a delta that goes on from the counter: rebuilt with its operations, stored, and merged into the live
//               tree whole, for each delta (H9). A snapshot: snapshot_store.h. A whole list: turned into a snapshot
//
// capped-ops is the same but for: at most 200 operations a delta, labelled by what it holds, so that a backlog drains
// at 200 a second and peer while placements open the gate (what is left when they stop waits for the next); nothing at
// all on a gap; bodies only of trees with nothing pending; one batch for each tree. The cap counts operations, not
// bytes: 200 of 80,000 chars are above 10 MiB, every delta is refused, and a dialer's forced trim then makes the gap
// that nothing closes.
//
// Tokens and removals travel in deltas and are lost in every rebuild, though they are dropped from pending with the
// rest.
//
// Fixed (hazards.h): pending as in pending_ops.h (H5, H7); a rebuild is kept unless the stored body is newer than what
// it was begun from (H8); of a delta the operations alone go to the live tree, and into the body when that is next
// looked at (H9); removals take the worker out of body and live tree (H13).
//
// Chosen where the history is silent: a delta whose rebuild holds no text is applied to the counter all the same; token
// operations of a received delta go to no tree. The moment of a commit: the mesh loop rebuilds without being
// interrupted, so what request threads captured meanwhile is counted where they capture; slots are shared by models
// whose names collide among 256, and a collision only makes a commit fail.
//
// Threads: Capture counts in an atomic; the rest, order, ownership, errors: strategy.h. Bounds: pending_ops.h, and none
// on bodies (historical); a delta or list that would make a tree of many times its size is refused (rebuilt_tree.h).
// Records: applied = operations of deltas and holders of snapshots that were taken · stale = refused by the counter ·
// unresolved = tokens and removals among them. Layers: delta = placements · snapshot = structure.
// Source: specification of the generations, §2 S3 and S6.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "impl/sync/generations/driver.h"
#include "impl/sync/generations/pending_ops.h"
#include "impl/sync/generations/rebuilt_tree.h"
#include "impl/sync/generations/snapshot_store.h"

namespace prefixmesh::generations {

struct SnapshotOpsOptions {
  std::string self_name = {};
  Constants constants = {};
  // A cap on the operations of a delta, and a batch for each tree.
  bool capped = false;
  HazardSet fixed = {};
  // Called in the midst of a checkpoint, for a simulator in whose time a rebuild would take none.
  std::function<void()> while_rebuilding = {};
};

class SnapshotOps final : public Generation {
 public:
  explicit SnapshotOps(const SnapshotOpsOptions& options);

  std::optional<Offer> Capture(const PlacementView& placement) const override;
  void OnPlacement(Time now, Offer offer, Actions& actions) override;
  void OnRemoval(Time now, const Removal& removal, Actions& actions) override;
  void OnRound(Time now, Actions& actions) override;
  std::uint64_t Version(std::string_view key) const override { return store_.Version(key); }

  // The two halves of a checkpoint, which the mesh calls in one go. Public for tests, which place in between.
  void BeginCheckpoint();
  void EndCheckpoint();

  // ---- for tests
  const TreeStore& trees() const { return store_.trees(); }
  std::size_t pending(std::string_view key) const { return pending_.Count(key); }
  std::uint64_t commits() const { return commits_; }
  std::uint64_t attempts() const { return attempts_; }

 private:
  struct Rebuilt {
    std::string body;
    std::size_t operations = 0;         // of pending, that are in it
    std::uint64_t captured_before = 0;  // placements of the model's slot when it was begun
    std::uint64_t version = 0;          // the counter when it was begun
  };

  // Operations of peers that the body lacks.
  struct Unfolded {
    std::vector<std::string> operations;  // encoded, by delta
    std::uint64_t version = 0;            // the counter after the last of them
  };

  std::uint64_t StoreGeneration() const override { return store_.trees().generation(); }
  std::vector<Batch> Collect(Time now, Collector& collector, Actions& actions) override;
  void Marked(PeerIndex /*peer*/, const std::string& key, std::uint64_t trim_watermark) override {
    pending_.TrimAfterMark(key, Version(key), trim_watermark);
  }
  void Refused(PeerIndex /*peer*/, const std::string& key) override { pending_.ForceTrim(key); }
  bool AsksForSnapshot() const override { return store_.trees().bodies().empty(); }
  std::vector<StoreEntry> Snapshot(Time now) override;
  Result<Checked> Check(const Arrival& arrival) override;
  void AddBuffers(StrategyReport& report) const override;

  bool capped() const { return cap_ > 0; }
  bool applies_removals() const { return context_.Fixes(Hazard::kRemovalsDropped); }
  std::atomic<std::uint64_t>& CapturedOf(std::string_view model) const;
  // One operation of this router.
  void Append(std::string_view model, TreeOperation operation);
  // Adds one key's entry to the batch.
  void CollectDelta(const std::string& key, std::size_t first, std::uint64_t last_sent, Time now, Batch& batch) const;
  void CollectGap(const std::string& key, Time now, Batch& batch);
  void CollectBodies(Time now, const Collector& collector, std::vector<Batch>& batches);
  void CollectGarbage();
  Result<Checked> CheckList(const Arrival& arrival);
  Status TakeDelta(const DeltaView& delta, const std::string& key, Actions& actions);
  // Whether a checkpoint may be kept.
  bool Commits(const std::string& key, const Rebuilt& rebuilt) const;
  // The stored tree, with what of peers is not in the body yet.
  RebuiltTree Stored(const std::string& key, std::uint64_t bytes_max = UINT64_MAX) const;
  // Puts what peers sent, and the body lacks, into it.
  void Fold(const std::string& key);

  const std::size_t cap_;
  const std::function<void()> while_rebuilding_;
  PendingOps pending_;
  SnapshotStore store_;
  std::map<std::string, Rebuilt> rebuilt_;    // between the two halves only
  std::map<std::string, Unfolded> unfolded_;  // H9 fixed
  std::uint64_t unfolded_bytes_ = 0;          // as they are encoded
  std::uint64_t commits_ = 0;
  std::uint64_t attempts_ = 0;
  mutable std::array<std::atomic<std::uint64_t>, 256> captured_{};
};

}  // namespace prefixmesh::generations
