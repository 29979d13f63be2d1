#include "impl/sync/generations/op_store.h"

#include <algorithm>
#include <utility>

#include "impl/wire/policy_state.h"

namespace prefixmesh::generations {

std::uint64_t OpStore::Version(std::string_view key) const {
  const std::uint64_t* counter = trees_.Counter(key);
  return counter != nullptr ? *counter : BlobVersion(key);
}

std::uint64_t OpStore::BlobVersion(std::string_view key) const {
  const std::string* blob = trees_.Body(key);
  if (blob == nullptr) return 0;
  const Result<StateHeader> header = CheckTreeState(AsBytes(*blob));
  return header.ok() ? header->version : 0;
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
      const TreeState state = Materialized(key);
      StoreEntry entry = TreeEntry(key, kTreeStateTag, Encode(state), state.version, actor, now);
      entry.version = version;
      batch.Add(std::move(entry), state.operations.size(), true);
    }
  }
  // Phase 2: lists whose keys had nothing above, as they are. What came from a peer goes back to it, too (H6).
  for (const auto& [key, blob] : trees_.bodies()) {
    const std::uint64_t version = Version(key);
    if (Pending(key) > 0 || version <= collector.LastSent(key) || left_out(key)) continue;
    const Result<StateHeader> header = CheckTreeState(AsBytes(blob));
    batch.Add(TreeEntry(key, kTreeStateTag, blob, version, actor, now), header.ok() ? header->operations : 0, true);
  }
}

TreeState OpStore::Materialized(std::string_view key) const {
  TreeState state;
  state.model_id = ModelOf(key);
  if (const std::string* blob = trees_.Body(key)) {
    if (Result<TreeState> decoded = DecodeTreeState(AsBytes(*blob)); decoded.ok()) state = std::move(*decoded);
  }
  for (const TreeOperation& operation : pending_.Of(key)) state.Append(operation, operations_max_);
  return state;
}

void OpStore::Checkpoint() {
  for (const auto& [key, pending] : pending_.all()) {
    if (pending.empty()) continue;
    const TreeState state = Materialized(key);
    if (state.version >= BlobVersion(key)) {
      trees_.SetBody(key, Encode(state));
      // What the list counts and the counter leaves out (a peer's operations) may never put the counter behind it.
      trees_.SetCounter(key, std::max(Version(key), state.version));
      pending_.Drop(key, pending.size());
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

OpStore::Applied OpStore::Apply(const std::string& key, TreeState state, Replay replay) {
  std::string blob = Encode(state);  // before the comparison, as it was
  if (trees_.Body(key) != nullptr && state.version <= BlobVersion(key)) return Applied::kStale;
  trees_.SetBody(key, std::move(blob));
  Raise(key, state.version);
  for (TreeOperation& operation : state.operations) replay(state.model_id, operation);
  return Applied::kApplied;
}

Result<OpStore::Applied> OpStore::ApplyState(const std::string& key, Bytes config, Replay replay) {
  Result<TreeState> state = DecodeTreeState(config);
  if (!state.ok()) return state.error();
  return Apply(key, std::move(*state), replay);
}

Result<OpStore::Applied> OpStore::ApplyDelta(const std::string& key, Bytes config, Replay replay) {
  Result<TreeStateDelta> delta = DecodeTreeStateDelta(config);
  if (!delta.ok()) return delta.error();
  TreeState state;
  state.model_id = delta->model_id;
  bool appended = false;
  if (const std::string* blob = trees_.Body(key)) {
    const std::uint64_t version = BlobVersion(key);
    if (delta->base_version > version || version >= delta->new_version) return Applied::kStale;
    if (!replays_whole_)
      trees_.ChangeBody(
          key, [&](std::string& list) { appended = AppendToEncoded(list, delta->operations, operations_max_); });
    if (!appended) {
      Result<TreeState> decoded = DecodeTreeState(AsBytes(*blob));
      if (!decoded.ok()) return decoded.error();
      state = std::move(*decoded);
    }
  } else if (delta->base_version > 0) {
    return Applied::kStale;
  }
  if (!appended) {
    for (const TreeOperation& operation : delta->operations) state.Append(operation, operations_max_);
    trees_.SetBody(key, Encode(state));
  }
  Raise(key, BlobVersion(key));
  for (TreeOperation& operation : replays_whole_ ? state.operations : delta->operations)
    replay(delta->model_id, operation);
  return Applied::kApplied;
}

}  // namespace prefixmesh::generations
