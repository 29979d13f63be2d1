// snapshot_sync.h — trees kept as encoded snapshots, by the counter alone: what snapshot-ops, capped-ops, full-snapshot
// and the first form of checkpoint share.
//
//   counter[key]   one for all writers (H4); the only version there is, a snapshot has none inside (W19)
//   body[key]      an encoded TreeSnapshot: an own export, or the last one received
//   received       snapshot: if its envelope's version is above the counter, it takes the body's place and the counter
//                  its version, and it is merged into the live tree, whole
//
// Threads: mesh loop. Ownership: owns the bodies. Time: none. Errors: remote bytes are checked before anything changes.
// Bounds: none on a body (historical). Sizes are running totals.
// Source: specification of the generations, §2 S3 to S6.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "impl/base/result.h"
#include "impl/sync/generations/policy_sync.h"
#include "impl/sync/generations/tree_store.h"
#include "impl/wire/tree_snapshot.h"

namespace prefixmesh::generations {

class SnapshotSync : public PolicySync {
 public:
  const TreeStore& trees() const { return trees_; }  // for tests
  std::uint64_t Version(std::string_view key) const override;

 protected:
  using PolicySync::PolicySync;

  std::uint64_t Generation() const override { return trees_.generation(); }
  bool AsksForSnapshot() const override { return trees_.bodies().empty(); }
  std::vector<StoreEntry> Snapshot(Time now) override;
  Result<Checked> Check(const Arrival& arrival) override;
  void AddBuffers(StrategyReport& report) const override;

  void Bump(const std::string& key);
  // What a peer sent is news; counts its records either way.
  bool TakesSnapshot(const std::string& key, std::uint64_t version, std::uint64_t records);
  // It is: the body, the counter, and the live tree.
  void KeepSnapshot(const std::string& key, std::string_view body, std::uint64_t version, Actions& actions);
  // A batch of its own for a body, if it is a snapshot: its records and the entry.
  Batch BatchOf(std::string_view key, std::string body, std::uint64_t records, std::uint64_t version, Time now) const;

  TreeStore trees_;
};

// What an encoded snapshot tells, as records.
std::uint64_t RecordsIn(std::string_view body);

}  // namespace prefixmesh::generations
