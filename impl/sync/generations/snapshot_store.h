// snapshot_store.h — trees kept as encoded snapshots, by the counter alone: what snapshot-ops, capped-ops,
// full-snapshot and the first form of checkpoint stand on.
//
//   counter[key]   one for all writers (H4); the only version there is, a snapshot has none inside (W19)
//   body[key]      an encoded TreeSnapshot: an own export, or the last one received
//   received       snapshot: if its envelope's version is above the counter, it takes the body's place and the counter
//                  its version, and it is merged into the live tree, whole
//   asked          every body
//
// Threads: mesh loop. Ownership: owns the bodies; borrows the context, and counts in it. Time: passed through into
// entries. Errors: remote bytes are checked before anything changes. Bounds: none on a body (historical). Sizes are
// running totals. Records: holders of nodes in snapshots: applied, or stale where the counter refused them. Layer:
// structure. Source: specification of the generations, §2 S3 to S6.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/result.h"
#include "impl/sync/generations/arrival.h"
#include "impl/sync/generations/collector.h"
#include "impl/sync/generations/context.h"
#include "impl/sync/generations/tree_store.h"
#include "impl/wire/tree_snapshot.h"

namespace prefixmesh::generations {

class SnapshotStore {
 public:
  explicit SnapshotStore(Context& context) : context_(context) {}

  std::uint64_t Version(std::string_view key) const;
  // A change of the tree that is not in its body.
  void Bump(const std::string& key);

  // A batch of its own for a body, if it is a snapshot: its records and the entry.
  Batch BatchOf(std::string_view key, std::string body, std::uint64_t records, std::uint64_t version, Time now) const;
  // Every body, as a snapshot's entries.
  std::vector<StoreEntry> Snapshot(Time now) const;

  // A snapshot; other tags are left alone.
  Result<Checked> Check(const Arrival& arrival);
  // What a peer sent is news; counts its records either way.
  bool Takes(const std::string& key, std::uint64_t version, std::uint64_t records);
  // It is: the body, the counter, and the live tree.
  void Keep(const std::string& key, std::string_view body, std::uint64_t version, Actions& actions);

  const TreeStore& trees() const { return trees_; }
  TreeStore& trees() { return trees_; }
  void AddTo(StrategyReport& report) const;

 private:
  Context& context_;
  TreeStore trees_;
};

// What an encoded snapshot tells, as records.
std::uint64_t RecordsIn(std::string_view body);

}  // namespace prefixmesh::generations
