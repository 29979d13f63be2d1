#include "impl/sync/generations/lz4_sync.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "impl/wire/lz4_body.h"
#include "impl/wire/tree_snapshot.h"

namespace prefixmesh::generations {
namespace {

// Holders named by the body, in the format that it has; nullopt: in none.
std::optional<std::uint64_t> Validate(Bytes body) {
  if (const Result<TreeState> state = DecodeTreeStatePrefix(body); state.ok()) return state->operations.size();
  const Result<TreeSnapshot> snapshot = DecodeTreeSnapshot(body);
  if (!snapshot.ok()) return std::nullopt;
  std::uint64_t holders = 0;
  for (const SnapshotNode& node : snapshot->nodes) holders += node.tenants.size();
  return holders;
}

// The list that a decompressed body stands for.
Result<TreeState> Expand(Bytes body, std::string_view model, std::uint64_t version, std::size_t operations_max) {
  Result<TreeState> state = DecodeTreeStatePrefix(body);
  if (state.ok()) {
    state->model_id = model;
    return state;
  }
  const Result<TreeSnapshot> snapshot = DecodeTreeSnapshot(body);
  if (!snapshot.ok()) return snapshot.error();
  return StateFromSnapshot(*snapshot, std::string(model), version, operations_max);
}

}  // namespace

std::vector<Batch> Lz4Sync::Collect(Time now, Collector& collector, Actions& actions) {
  std::vector<Batch> batches(1);
  CollectBodies(now, collector, batches[0], actions);
  if (batches[0].entries.empty()) batches.clear();
  return batches;
}

void Lz4Sync::CollectBodies(Time now, Collector& collector, Batch& batch, Actions& actions) {
  batch.generation = Generation();
  for (const auto& [key, body] : store_.trees().bodies()) {
    const std::uint64_t version = store_.Version(key);
    const bool emitted = std::any_of(batch.entries.begin(), batch.entries.end(),
                                     [&key = key](const StoreEntry& entry) { return entry.key == key; });
    if (emitted || version <= collector.LastSent(key)) continue;
    const auto holders = Validate(AsBytes(body));
    if (!holders.has_value()) continue;
    Result<std::string> compressed = CompressBody(AsBytes(body));
    if (!compressed.ok() || compressed->size() > compressed_bytes_max_) {
      collector.Skip(key, version);
      actions.push_back(RefuseFrame{.peer = collector.peer(),
                                    .bytes = compressed.ok() ? compressed->size() : body.size(),
                                    .limit_bytes = compressed_bytes_max_,
                                    .layer = Layer::kStructure,
                                    .model = key});
      continue;
    }
    batch.Add(TreeEntry(key, kTreeStateLz4Tag, std::move(*compressed), version, options_.self_name, now), *holders,
              true);
  }
}

std::vector<StoreEntry> Lz4Sync::Snapshot(Time now) {
  std::vector<StoreEntry> entries;
  for (const auto& [key, body] : store_.trees().bodies()) {
    Result<std::string> compressed = CompressBody(AsBytes(body));
    if (!compressed.ok()) continue;
    entries.push_back(
        TreeEntry(key, kTreeStateLz4Tag, std::move(*compressed), store_.Version(key), options_.self_name, now));
  }
  return entries;
}

Result<PolicySync::Checked> Lz4Sync::Check(const Arrival& arrival) {
  const PolicyStateView& envelope = arrival.envelope;
  if (envelope.policy_type != kTreeStateLz4Tag) return OpSync::Check(arrival);
  const Result<std::string> body = DecompressBody(envelope.config);
  if (!body.ok()) return body.error();
  Result<TreeState> state = Expand(AsBytes(*body), envelope.model_id, envelope.version, store_.operations_max());
  if (!state.ok()) return state.error();
  const std::uint64_t records = state->operations.size();
  return Checked{records,
                 [this, records, key = arrival.key, expanded = std::move(*state)](Actions& actions) mutable -> Status {
                   Count(store_.Apply(key, std::move(expanded),
                                      [this, &actions](const std::string& model, TreeOperation& operation) {
                                        ReplayInto(actions, model, operation, options_.mended);
                                      }),
                         records);
                   return {};
                 }};
}

}  // namespace prefixmesh::generations
