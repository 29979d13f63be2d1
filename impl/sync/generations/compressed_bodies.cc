#include "impl/sync/generations/compressed_bodies.h"

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

std::optional<std::string> CompressedBodies::ListOf(const std::string& key, const std::string& body) const {
  const std::uint64_t version = store_.trees().BodyVersion(key);
  if (version == 0) return std::nullopt;
  const Result<SnapshotView> tree = ViewTreeSnapshot(AsBytes(body));
  if (!tree.ok()) return std::nullopt;
  Result<std::string> list = EncodeFlat(*tree, ModelOf(key), version, context_.ListOperationsMax());
  if (!list.ok()) return std::nullopt;
  return std::move(*list);
}

std::uint64_t CompressedBodies::Export(const TextTreeView& view) {
  if (form_.skips_unchanged && store_.generation() == generation_exported_) return 0;
  std::uint64_t bytes = 0;
  view.SnapshotTextTrees({}, [&](const std::string& model, TreeSnapshot snapshot) {
    const std::string key = context_.OwnKey(model);
    std::string body = Encode(snapshot);
    if (form_.flat) {
      const SnapshotView tree = *ViewTreeSnapshot(AsBytes(body));
      Result<std::string> list = EncodeFlat(tree, model, store_.Version(key) + 1, context_.ListOperationsMax());
      if (!list.ok()) return;
      const std::uint64_t operations = *CountFlat(tree);
      context_.trims.Add(Trim::kListCap, operations - KeptOf(0, operations, context_.ListOperationsMax()));
      body = std::move(*list);
    }
    bytes += body.size();
    store_.SetSnapshot(key, std::move(body));
    store_.Bump(key);
  });
  generation_exported_ = store_.generation();
  return bytes;
}

void CompressedBodies::CollectGarbage() {
  if (form_.garbage_takes_bodies) store_.ClearBodies();
  store_.CollectGarbage();
}

void CompressedBodies::Collect(Time now, Collector& collector, Batch& batch, Actions& actions) const {
  batch.generation = store_.generation();
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
    batch.Add(TreeEntry(key, kTreeStateLz4Tag, std::move(*compressed), version, context_.self_name, now), *holders,
              true);
  }
}

std::vector<StoreEntry> CompressedBodies::Snapshot(Time now) const {
  std::vector<StoreEntry> entries;
  for (const auto& [key, body] : store_.trees().bodies()) {
    const std::optional<std::string> list = ListOf(key, body);
    Result<std::string> compressed = CompressBody(AsBytes(list.has_value() ? *list : body));
    if (!compressed.ok()) continue;
    entries.push_back(
        TreeEntry(key, kTreeStateLz4Tag, std::move(*compressed), store_.Version(key), context_.self_name, now));
  }
  return entries;
}

Result<Checked> CompressedBodies::Check(const Arrival& arrival) {
  const PolicyStateView& envelope = arrival.envelope;
  if (envelope.policy_type != kTreeStateLz4Tag) return store_.Check(arrival);
  const Result<std::string> checked = DecompressBody(envelope.config, context_.constants.claim_bytes);
  if (!checked.ok()) return checked.error();
  const Result<Content> content = ContentOf(AsBytes(*checked), context_.ListOperationsMax());
  if (!content.ok()) return content.error();
  // It is decompressed once more when it is applied: a frame may hold many, and one at a time is in memory.
  return Checked{content->operations,
                 [this, records = content->operations, key = arrival.key, envelope](Actions& actions) -> Status {
                   Take(key, envelope, records, actions);
                   return {};
                 },
                 checked->size()};
}

void CompressedBodies::Take(const std::string& key, const PolicyStateView& envelope, std::uint64_t records,
                            Actions& actions) {
  std::string body = std::move(*DecompressBody(envelope.config, context_.constants.claim_bytes));
  if (const Content content = *ContentOf(AsBytes(body), context_.ListOperationsMax()); content.list.has_value())
    return store_.ApplyList(key, envelope.model_id, *content.list, actions);
  store_.ApplyTree(key, envelope.model_id, std::move(body), envelope.version, records, actions);
}

}  // namespace prefixmesh::generations
