#include "impl/sync/generations/lz4_sync.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "impl/wire/lz4_body.h"
#include "impl/wire/tree_snapshot.h"

namespace prefixmesh::generations {
namespace {

// Holders named by a body of this router's, in the format that it has; nullopt: in none.
std::optional<std::uint64_t> Validate(Bytes body) {
  if (const Result<StateView> list = ViewTreeStatePrefix(body); list.ok()) return list->operations.count;
  const Result<SnapshotView> tree = ViewTreeSnapshot(body);
  return tree.ok() ? std::optional(tree->holders) : std::nullopt;
}

// What a decompressed body is: a list, or a tree that stands for one of at most so many operations.
struct Content {
  std::optional<StateView> list;
  std::uint64_t operations = 0;
};
Result<Content> ContentOf(Bytes body, std::size_t operations_max) {
  if (const Result<StateView> list = ViewTreeStatePrefix(body); list.ok())
    return Content{*list, list->operations.count};
  const Result<SnapshotView> tree = ViewTreeSnapshot(body);
  if (!tree.ok()) return tree.error();
  const Result<std::uint64_t> operations = CountFlat(*tree);
  if (!operations.ok()) return operations.error();
  return Content{std::nullopt, KeptOf(0, *operations, operations_max)};
}

}  // namespace

std::optional<std::string> Lz4Sync::ListOf(const std::string& key, const std::string& body) const {
  const std::uint64_t version = store_.trees().BodyVersion(key);
  if (version == 0) return std::nullopt;
  const Result<SnapshotView> tree = ViewTreeSnapshot(AsBytes(body));
  if (!tree.ok()) return std::nullopt;
  Result<std::string> list = EncodeFlat(*tree, ModelOf(key), version, store_.operations_max());
  if (!list.ok()) return std::nullopt;
  return std::move(*list);
}

std::uint64_t Lz4Sync::Export(const TextTreeView& view) {
  if (form_.skips_unchanged && Generation() == generation_exported_) return 0;
  std::uint64_t bytes = 0;
  view.SnapshotTextTrees({}, [&](const std::string& model, TreeSnapshot snapshot) {
    const std::string key = OwnKey(model);
    std::string body = Encode(snapshot);
    if (form_.flat) {
      const SnapshotView tree = *ViewTreeSnapshot(AsBytes(body));
      Result<std::string> list = EncodeFlat(tree, model, store_.Version(key) + 1, store_.operations_max());
      if (!list.ok()) return;
      const std::uint64_t operations = *CountFlat(tree);
      trims_.Add(Trim::kListCap, operations - KeptOf(0, operations, store_.operations_max()));
      body = std::move(*list);
    }
    bytes += body.size();
    store_.SetSnapshot(key, std::move(body));
    store_.Bump(key);
  });
  generation_exported_ = Generation();
  return bytes;
}

void Lz4Sync::CollectGarbage() {
  if (form_.garbage_takes_bodies) store_.ClearBodies();
  OpSync::CollectGarbage();
}

std::vector<Batch> Lz4Sync::Collect(Time now, Collector& collector, Actions& actions) {
  std::vector<Batch> batches(1);
  CollectBodies(now, collector, batches[0], actions);
  if (batches[0].entries.empty()) batches.clear();
  return batches;
}

void Lz4Sync::CollectBodies(Time now, Collector& collector, Batch& batch, Actions& actions) {
  batch.generation = Generation();
  for (const auto& [key, stored] : store_.trees().bodies()) {
    const std::uint64_t version = store_.Version(key);
    const bool emitted = std::any_of(batch.entries.begin(), batch.entries.end(),
                                     [&key = key](const StoreEntry& entry) { return entry.key == key; });
    if (emitted || version <= collector.LastSent(key)) continue;
    const std::optional<std::string> list = ListOf(key, stored);
    const std::string& body = list.has_value() ? *list : stored;
    const auto holders = Validate(AsBytes(body));
    if (!holders.has_value()) continue;
    Result<std::string> compressed = CompressBody(AsBytes(body));
    if (!compressed.ok() || compressed->size() > form_.compressed_bytes_max) {
      collector.Skip(key, version);
      actions.push_back(RefuseFrame{.peer = collector.peer(),
                                    .kind = Oversize::kEntry,
                                    .bytes = compressed.ok() ? compressed->size() : body.size(),
                                    .limit_bytes = form_.compressed_bytes_max,
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
    const std::optional<std::string> list = ListOf(key, body);
    Result<std::string> compressed = CompressBody(AsBytes(list.has_value() ? *list : body));
    if (!compressed.ok()) continue;
    entries.push_back(
        TreeEntry(key, kTreeStateLz4Tag, std::move(*compressed), store_.Version(key), options_.self_name, now));
  }
  return entries;
}

Result<PolicySync::Checked> Lz4Sync::Check(const Arrival& arrival) {
  const PolicyStateView& envelope = arrival.envelope;
  if (envelope.policy_type != kTreeStateLz4Tag) return OpSync::Check(arrival);
  const Result<std::string> checked = DecompressBody(envelope.config, options_.constants.claim_bytes);
  if (!checked.ok()) return checked.error();
  const Result<Content> content = ContentOf(AsBytes(*checked), store_.operations_max());
  if (!content.ok()) return content.error();
  // It is decompressed once more when it is applied: a frame may hold many, and one at a time is in memory.
  return Checked{content->operations,
                 [this, records = content->operations, key = arrival.key, envelope](Actions& actions) -> Status {
                   Count(Take(key, envelope, actions), records);
                   return {};
                 },
                 checked->size()};
}

OpStore::Applied Lz4Sync::Take(const std::string& key, const PolicyStateView& envelope, Actions& actions) {
  const auto replay = [this, &actions](std::string_view model, const OperationView& operation) {
    ReplayInto(actions, model, operation, options_.mended);
  };
  std::string body = std::move(*DecompressBody(envelope.config, options_.constants.claim_bytes));
  if (const Content content = *ContentOf(AsBytes(body), store_.operations_max()); content.list.has_value())
    return store_.ApplyList(key, envelope.model_id, *content.list, replay);
  return store_.ApplyTree(key, envelope.model_id, std::move(body), envelope.version, replay);
}

}  // namespace prefixmesh::generations
