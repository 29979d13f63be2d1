#include "impl/sync/generations/snapshot_store.h"

#include <utility>

namespace prefixmesh::generations {

std::uint64_t RecordsIn(std::string_view body) {
  const Result<SnapshotView> view = ViewTreeSnapshot(AsBytes(body));
  return view.ok() ? view->holders_below_root : 0;
}

std::uint64_t SnapshotStore::Version(std::string_view key) const {
  const std::uint64_t* counter = trees_.Counter(key);
  return counter == nullptr ? 0 : *counter;
}

void SnapshotStore::Bump(const std::string& key) {
  trees_.SetCounter(key, Version(key) + 1);
  trees_.Changed();
}

std::vector<StoreEntry> SnapshotStore::Snapshot(Time now) const {
  std::vector<StoreEntry> entries;
  for (const auto& [key, body] : trees_.bodies())
    entries.push_back(TreeEntry(key, kTreeSnapshotTag, body, Version(key), context_.self_name, now));
  return entries;
}

Batch SnapshotStore::BatchOf(std::string_view key, std::string body, std::uint64_t records, std::uint64_t version,
                             Time now) const {
  Batch batch;
  batch.generation = trees_.generation();
  batch.Add(TreeEntry(key, kTreeSnapshotTag, std::move(body), version, context_.self_name, now), records, true);
  return batch;
}

Result<Checked> SnapshotStore::Check(const Arrival& arrival) {
  const PolicyStateView& envelope = arrival.envelope;
  if (envelope.policy_type != kTreeSnapshotTag) return Checked{};
  const Result<SnapshotView> tree = ViewTree(envelope.config);
  if (!tree.ok()) return tree.error();
  const std::uint64_t records = tree->holders_below_root;
  return Checked{records, [this, records, key = arrival.key, envelope](Actions& actions) -> Status {
                   if (Takes(key, envelope.version, records))
                     Keep(key, AsText(envelope.config), envelope.version, actions);
                   return {};
                 }};
}

bool SnapshotStore::Takes(const std::string& key, std::uint64_t version, std::uint64_t records) {
  const bool news = version > Version(key);
  (news ? context_.records.applied : context_.records.stale) += records;
  return news;
}

void SnapshotStore::Keep(const std::string& key, std::string_view body, std::uint64_t version, Actions& actions) {
  // The tree first: its copy is gone before the store's is made.
  actions.push_back(ApplySnapshot{.model = ModelOf(key), .body = std::string(body)});
  trees_.SetBody(key, std::string(body), version);
  trees_.SetCounter(key, version);
  trees_.Changed();
}

void SnapshotStore::AddTo(StrategyReport& report) const {
  report.Add("tree_configs", trees_.body_bytes(), trees_.bodies().size());
}

}  // namespace prefixmesh::generations
