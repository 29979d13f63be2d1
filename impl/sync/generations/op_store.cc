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

void OpStore::Append(std::string_view model, TreeOperation operation) {
  const std::string key = TreeKey(model);
  pending_.Append(key, std::move(operation));
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
    if (const auto first = pending_.FirstUnsent(key, version, last_sent)) {
      const auto unsent = pending.begin() + static_cast<std::ptrdiff_t>(*first);
      const TreeStateDelta delta{.model_id = ModelOf(key),
                                 .operations = std::vector<TreeOperation>(unsent, pending.end()),
                                 .base_version = last_sent,
                                 .new_version = version};
      batch.operations += delta.operations.size();
      batch.entries.push_back(TreeEntry(key, kTreeStateDeltaTag, Encode(delta), version, actor, now));
    } else {
      const TreeState state = Materialized(key);
      batch.operations += state.operations.size();
      batch.has_state = true;
      StoreEntry entry = TreeEntry(key, kTreeStateTag, Encode(state), state.version, actor, now);
      entry.version = version;
      batch.entries.push_back(std::move(entry));
    }
  }
  // Phase 2: lists whose keys had nothing above, as they are. What came from a peer goes back to it, too (H6).
  for (const auto& [key, blob] : trees_.bodies()) {
    const std::uint64_t version = Version(key);
    if (Pending(key) > 0 || version <= collector.LastSent(key) || left_out(key)) continue;
    if (const Result<StateHeader> header = CheckTreeState(AsBytes(blob)); header.ok()) {
      batch.operations += header->operations;
    }
    batch.has_state = true;
    batch.entries.push_back(TreeEntry(key, kTreeStateTag, blob, version, actor, now));
  }
}

TreeState OpStore::Materialized(std::string_view key) const {
  TreeState state;
  state.model_id = ModelOf(key);
  if (const std::string* blob = trees_.Body(key)) {
    if (Result<TreeState> decoded = DecodeTreeState(AsBytes(*blob)); decoded.ok()) state = std::move(*decoded);
  }
  for (const TreeOperation& operation : pending_.Of(key)) state.Append(operation);
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

void OpStore::Accept(const std::string& key, std::string blob, TreeState& state, Replay replay) {
  trees_.SetBody(key, std::move(blob));
  Raise(key, state.version);
  for (TreeOperation& operation : state.operations) replay(state.model_id, operation);
}

OpStore::Applied OpStore::Apply(TreeState state, Replay replay) {
  const std::string key = TreeKey(state.model_id);
  std::string blob = Encode(state);  // before the comparison, as it was
  if (trees_.Body(key) != nullptr && state.version <= BlobVersion(key)) return Applied::kStale;
  Accept(key, std::move(blob), state, replay);
  return Applied::kApplied;
}

Result<OpStore::Applied> OpStore::ApplyState(Bytes config, Replay replay) {
  Result<TreeState> state = DecodeTreeState(config);
  if (!state.ok()) return state.error();
  return Apply(std::move(*state), replay);
}

Result<OpStore::Applied> OpStore::ApplyDelta(Bytes config, Replay replay) {
  Result<TreeStateDelta> delta = DecodeTreeStateDelta(config);
  if (!delta.ok()) return delta.error();
  const std::string key = TreeKey(delta->model_id);
  TreeState state;
  state.model_id = delta->model_id;
  if (const std::string* blob = trees_.Body(key)) {
    const std::uint64_t version = BlobVersion(key);
    if (delta->base_version > version || version >= delta->new_version) return Applied::kStale;
    Result<TreeState> decoded = DecodeTreeState(AsBytes(*blob));
    if (!decoded.ok()) return decoded.error();
    state = std::move(*decoded);
  } else if (delta->base_version > 0) {
    return Applied::kStale;
  }
  for (const TreeOperation& operation : delta->operations) state.Append(operation);
  Accept(key, Encode(state), state, replay);
  return Applied::kApplied;
}

}  // namespace prefixmesh::generations
