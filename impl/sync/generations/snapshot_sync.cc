#include "impl/sync/generations/snapshot_sync.h"

#include <utility>

#include "impl/sync/generations/rebuilt_tree.h"

namespace prefixmesh::generations {

std::uint64_t SnapshotSync::Version(std::string_view key) const {
  const std::uint64_t* counter = trees_.Counter(key);
  return counter == nullptr ? 0 : *counter;
}

void SnapshotSync::Bump(const std::string& key) {
  trees_.SetCounter(key, Version(key) + 1);
  trees_.Changed();
}

std::vector<StoreEntry> SnapshotSync::Snapshot(Time now) {
  std::vector<StoreEntry> entries;
  for (const auto& [key, body] : trees_.bodies())
    entries.push_back(TreeEntry(key, kTreeSnapshotTag, body, Version(key), options_.self_name, now));
  return entries;
}

Batch SnapshotSync::BatchOf(std::string_view key, std::string body, std::uint64_t records, std::uint64_t version,
                            Time now) const {
  Batch batch;
  batch.generation = Generation();
  batch.Add(TreeEntry(key, kTreeSnapshotTag, std::move(body), version, options_.self_name, now), records, true);
  return batch;
}

Result<PolicySync::Checked> SnapshotSync::Check(const Arrival& arrival) {
  const PolicyStateView& envelope = arrival.envelope;
  if (envelope.policy_type != kTreeSnapshotTag) return Checked{};
  Result<TreeSnapshot> snapshot = DecodeTreeSnapshot(envelope.config);
  if (!snapshot.ok()) return snapshot.error();
  if (!IsTree(*snapshot)) return Error{ErrorCode::kCorrupt, "tree_snapshot: the nodes are no tree"};
  return TakeSnapshot(std::move(*snapshot), std::string(AsText(envelope.config)), arrival);
}

PolicySync::Checked SnapshotSync::TakeSnapshot(TreeSnapshot snapshot, std::string body, const Arrival& arrival) {
  const std::uint64_t records = Holders(snapshot);
  return {records,
          [this, records, version = arrival.envelope.version, key = arrival.key, taken = std::move(snapshot),
           kept = std::move(body)](Actions& actions) mutable -> Status {
            if (version <= Version(key)) {
              records_.stale += records;
              return {};
            }
            records_.applied += records;
            trees_.SetBody(key, std::move(kept), version);
            trees_.SetCounter(key, version);
            trees_.Changed();
            actions.push_back(ApplySnapshot{.model = ModelOf(key), .snapshot = std::move(taken)});
            return {};
          }};
}

void SnapshotSync::AddBuffers(StrategyReport& report) const {
  report.Add("tree_configs", trees_.body_bytes(), trees_.bodies().size());
}

}  // namespace prefixmesh::generations
