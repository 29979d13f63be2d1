#include "impl/sync/generations/op_store.h"

#include <algorithm>
#include <utility>

#include "impl/wire/policy_state.h"

namespace prefixmesh::generations {

std::uint64_t OpStore::Version(std::string_view key) const {
  const std::uint64_t* counter = trees_.Counter(key);
  return counter != nullptr ? *counter : BlobVersion(key);
}

std::optional<std::uint64_t> OpStore::VersionOfBody(std::string_view key) const {
  const std::string* blob = trees_.Body(key);
  if (blob == nullptr) return std::nullopt;
  if (const std::uint64_t version = trees_.BodyVersion(key); version > 0) return version;  // of a received tree
  const Result<StateView> list = ViewTreeState(AsBytes(*blob));
  return list.ok() ? std::optional(list->version) : std::nullopt;
}

std::uint64_t OpStore::BlobVersion(std::string_view key) const { return VersionOfBody(key).value_or(0); }

bool OpStore::IsNews(std::string_view key, std::uint64_t version) const {
  return trees_.Body(key) == nullptr || version > VersionOfBody(key).value_or(Version(key));
}

void OpStore::Bump(const std::string& key) {
  trees_.SetCounter(key, Version(key) + 1);
  trees_.Changed();
}

void OpStore::Raise(const std::string& key, std::uint64_t version) {
  trees_.SetCounter(key, std::max(Version(key), version));
  trees_.Changed();
}

void OpStore::Append(const std::string& key, TreeOperation operation) {
  pending_.Append(key, std::move(operation), Version(key) + 1);
  Bump(key);
}

void OpStore::Collect(const Collector& collector, std::string_view actor, Time now, Batch& batch) const {
  const std::size_t emitted = batch.entries.size();
  const auto left_out = [&batch, emitted](const std::string& key) {
    const auto end = batch.entries.begin() + static_cast<std::ptrdiff_t>(emitted);
    return std::any_of(batch.entries.begin(), end, [&key](const StoreEntry& entry) { return entry.key == key; });
  };
  batch.generation = generation();
  // Phase 1: keys with pending operations.
  for (const auto& [key, pending] : pending_.all()) {
    const std::uint64_t version = Version(key);
    const std::uint64_t last_sent = collector.LastSent(key);
    if (pending.empty() || version <= last_sent || left_out(key)) continue;
    if (const auto first = pending_.FirstBeyond(key, version, last_sent)) {
      if (*first == pending.size()) continue;  // what moved the counter is a peer's (H5 mended)
      const auto unsent = pending.begin() + static_cast<std::ptrdiff_t>(*first);
      const TreeStateDelta delta{.model_id = ModelOf(key),
                                 .operations = std::vector<TreeOperation>(unsent, pending.end()),
                                 .base_version = last_sent,
                                 .new_version = version};
      batch.Add(TreeEntry(key, kTreeStateDeltaTag, Encode(delta), version, actor, now), delta.operations.size(), false);
    } else {
      Materialized list = Materialize(key);
      StoreEntry entry = TreeEntry(key, kTreeStateTag, std::move(list.body), list.version, actor, now);
      entry.version = version;
      batch.Add(std::move(entry), list.operations, true);
    }
  }
  // Phase 2: lists whose keys had nothing above, as they are. What came from a peer goes back to it, too (H6).
  for (const auto& [key, blob] : trees_.bodies()) {
    const std::uint64_t version = Version(key);
    if (Pending(key) > 0 || version <= collector.LastSent(key) || left_out(key)) continue;
    const Result<StateView> list = ViewTreeState(AsBytes(blob));
    batch.Add(TreeEntry(key, kTreeStateTag, blob, version, actor, now), list.ok() ? list->operations.count : 0, true);
  }
}

OpStore::Materialized OpStore::Materialize(std::string_view key) const {
  const std::string model = ModelOf(key);
  StateView list{.model_id = model, .operations = {}};
  if (const std::string* blob = trees_.Body(key))
    if (const Result<StateView> stored = ViewTreeState(AsBytes(*blob)); stored.ok()) list = *stored;
  const std::vector<TreeOperation>& pending = pending_.Of(key);
  const std::string encoded = EncodeOperations(pending);
  const OperationList newer{pending.size(), AsBytes(encoded)};
  const std::uint64_t version = list.version + newer.count;
  const std::uint64_t kept = KeptOf(list.operations.count, newer.count, operations_max_);
  return {EncodeJoined(list.model_id, list.operations, newer, version, operations_max_), version, kept,
          list.operations.count + newer.count - kept};
}

void OpStore::Checkpoint() {
  for (const auto& [key, pending] : pending_.all()) {
    if (pending.empty()) continue;
    Materialized list = Materialize(key);
    if (list.version >= BlobVersion(key)) {
      trees_.SetBody(key, std::move(list.body));
      // What the list counts and the counter leaves out (a peer's operations) may never put the counter behind it.
      trees_.SetCounter(key, std::max(Version(key), list.version));
      pending_.Drop(key, pending.size());
      trims_.Add(Trim::kListCap, list.forgotten);
    }
  }
}

void OpStore::CollectGarbage() {
  pending_.EraseEmpty();
  trees_.DropCounters([this](const std::string& key) { return trees_.Body(key) != nullptr || pending_.Has(key); });
}

std::vector<StoreEntry> OpStore::Snapshot(std::string_view actor, Time now) const {
  std::vector<StoreEntry> entries;
  for (const auto& [key, blob] : trees_.bodies())
    entries.push_back(TreeEntry(key, kTreeStateTag, blob, Version(key), actor, now));
  return entries;
}

OpStore::Applied OpStore::ApplyList(const std::string& key, std::string_view model, const StateView& list,
                                    Replay replay) {
  if (!IsNews(key, list.version)) return Applied::kStale;
  list.operations.ForEach([&](const OperationView& operation) { replay(model, operation); });
  trees_.SetBody(key, EncodeJoined(model, list.operations, {}, list.version, SIZE_MAX));
  Raise(key, list.version);
  return Applied::kApplied;
}

OpStore::Applied OpStore::ApplyTree(const std::string& key, std::string_view model, std::string body,
                                    std::uint64_t version, Replay replay) {
  if (!IsNews(key, version)) return Applied::kStale;
  const SnapshotView tree = *ViewTreeSnapshot(AsBytes(body));
  const std::uint64_t operations = *CountFlat(tree);
  const std::uint64_t forgotten = operations - KeptOf(0, operations, operations_max_);
  trims_.Add(Trim::kListCap, forgotten);
  ForEachFlat(tree, forgotten, [&](const std::string& prompt, std::string_view tenant) {
    replay(model, {.prompt = prompt, .tenant = tenant});
  });
  trees_.SetBody(key, std::move(body), version);
  Raise(key, version);
  return Applied::kApplied;
}

Result<OpStore::Applied> OpStore::ApplyState(const std::string& key, Bytes config, Replay replay) {
  const Result<StateView> list = ViewTreeState(config);
  if (!list.ok()) return list.error();
  return ApplyList(key, list->model_id, *list, replay);
}

Result<OpStore::Applied> OpStore::ApplyDelta(const std::string& key, Bytes config, Replay replay) {
  const Result<DeltaView> delta = ViewTreeStateDelta(config);
  if (!delta.ok()) return delta.error();
  const OperationList& newer = delta->operations;
  const auto replay_all = [&](const OperationList& operations) {
    operations.ForEach([&](const OperationView& operation) { replay(delta->model_id, operation); });
  };
  StateView list{.model_id = delta->model_id, .operations = {}};
  bool appended = false;
  if (const std::string* blob = trees_.Body(key)) {
    const std::uint64_t version = BlobVersion(key);
    if (delta->base_version > version || version >= delta->new_version) return Applied::kStale;
    if (!replays_whole_)
      trees_.ChangeBody(key, [&](std::string& body) { appended = AppendToEncoded(body, newer, operations_max_); });
    if (!appended) {
      const Result<StateView> stored = ViewTreeState(AsBytes(*blob));
      if (!stored.ok()) return stored.error();
      list = *stored;
    }
  } else if (delta->base_version > 0) {
    return Applied::kStale;
  }
  if (replays_whole_) {
    const std::uint64_t kept = KeptOf(list.operations.count, newer.count, operations_max_);
    const OperationList last = newer.Last(kept);
    replay_all(list.operations.Last(kept - last.count));
    replay_all(last);
  } else {
    replay_all(newer);
  }
  if (!appended) {
    const std::uint64_t operations = list.operations.count + newer.count;
    trims_.Add(Trim::kListCap, operations - KeptOf(list.operations.count, newer.count, operations_max_));
    trees_.SetBody(key,
                   EncodeJoined(list.model_id, list.operations, newer, list.version + newer.count, operations_max_));
  }
  Raise(key, BlobVersion(key));
  return Applied::kApplied;
}

}  // namespace prefixmesh::generations
