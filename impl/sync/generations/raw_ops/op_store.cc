#include "impl/sync/generations/raw_ops/op_store.h"

#include <algorithm>
#include <utility>

#include "impl/wire/policy_state.h"

namespace prefixmesh::generations {
namespace {

constexpr std::string_view kKeyPrefix = "tree:";

std::string Key(std::string_view model) { return std::string(kKeyPrefix).append(model); }
std::string Model(std::string_view key) { return std::string(key.substr(kKeyPrefix.size())); }

std::uint64_t HeapBytes(const TreeOperation& operation) {
  return sizeof(TreeOperation) + operation.prompt.capacity() + operation.tenant.capacity();
}

StoreEntry Entry(std::string_view key, PolicyState state, std::uint64_t version, std::string_view actor, Time now) {
  return {.key = std::string(key),
          .value = Encode(state),
          .version = version,
          .actor = std::string(actor),
          .timestamp_ns = static_cast<std::uint64_t>(now.count())};
}

}  // namespace

std::uint64_t OpStore::Version(std::string_view key) const {
  const auto found = versions_.find(key);
  return found != versions_.end() ? found->second : BlobVersion(key);
}

std::uint64_t OpStore::BlobVersion(std::string_view key) const {
  const auto found = blobs_.find(key);
  if (found == blobs_.end()) return 0;
  const Result<StateHeader> header = CheckTreeState(AsBytes(found->second));
  return header.ok() ? header->version : 0;
}

std::size_t OpStore::Pending(std::string_view key) const {
  const auto found = pending_.find(key);
  return found == pending_.end() ? 0 : found->second.size();
}

void OpStore::Append(std::string_view model, TreeOperation operation) {
  const std::string key = Key(model);
  pending_bytes_ += HeapBytes(operation);
  ++pending_operations_;
  pending_[key].push_back(std::move(operation));
  versions_[key] = Version(key) + 1;
  ++generation_;
}

Batch OpStore::Collect(const Collector& collector, std::string_view actor, Time now) const {
  Batch batch;
  batch.generation = generation_;
  // Phase 1: keys with pending operations.
  for (const auto& [key, pending] : pending_) {
    const std::uint64_t version = Version(key);
    const std::uint64_t last_sent = collector.LastSent(key);
    if (pending.empty() || version <= last_sent) continue;
    const std::uint64_t base = version - std::min<std::uint64_t>(version, pending.size());
    if (last_sent >= base && last_sent - base < pending.size()) {
      const auto unsent = pending.begin() + static_cast<std::ptrdiff_t>(last_sent - base);
      TreeStateDelta delta{.model_id = Model(key),
                           .operations = std::vector<TreeOperation>(unsent, pending.end()),
                           .base_version = last_sent,
                           .new_version = version};
      batch.operations += delta.operations.size();
      PolicyState envelope{.model_id = delta.model_id,
                           .policy_type = std::string(kTreeStateDeltaTag),
                           .config = Encode(delta),
                           .version = version};
      batch.entries.push_back(Entry(key, std::move(envelope), version, actor, now));
    } else {
      const TreeState state = Materialized(key);
      batch.operations += state.operations.size();
      batch.has_state = true;
      PolicyState envelope{.model_id = state.model_id,
                           .policy_type = std::string(kTreeStateTag),
                           .config = Encode(state),
                           .version = state.version};
      batch.entries.push_back(Entry(key, std::move(envelope), version, actor, now));
    }
  }
  // Phase 2: blobs whose keys had nothing above, as they are. What came from a peer goes back to it, too (H6).
  for (const auto& [key, blob] : blobs_) {
    const std::uint64_t version = Version(key);
    if (Pending(key) > 0 || version <= collector.LastSent(key)) continue;
    if (const Result<StateHeader> header = CheckTreeState(AsBytes(blob)); header.ok()) {
      batch.operations += header->operations;
    }
    batch.has_state = true;
    PolicyState envelope{
        .model_id = Model(key), .policy_type = std::string(kTreeStateTag), .config = blob, .version = version};
    batch.entries.push_back(Entry(key, std::move(envelope), version, actor, now));
  }
  return batch;
}

TreeState OpStore::Materialized(std::string_view key) const {
  TreeState state;
  state.model_id = Model(key);
  if (const auto blob = blobs_.find(key); blob != blobs_.end()) {
    if (Result<TreeState> decoded = DecodeTreeState(AsBytes(blob->second)); decoded.ok()) state = std::move(*decoded);
  }
  if (const auto pending = pending_.find(key); pending != pending_.end()) {
    for (const TreeOperation& operation : pending->second) state.Append(operation);
  }
  return state;
}

void OpStore::DropOldest(std::vector<TreeOperation>& pending, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) pending_bytes_ -= HeapBytes(pending[i]);
  pending_operations_ -= count;
  pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(count));
}

void OpStore::TrimAfterMark(std::string_view key) {
  const auto found = pending_.find(key);
  if (found == pending_.end() || found->second.size() <= options_.mark_trim_above) return;
  DropOldest(found->second, found->second.size() / 2);
}

void OpStore::ForceTrim(std::string_view key) {
  const auto found = pending_.find(key);
  if (found == pending_.end() || found->second.size() <= options_.force_trim_above) return;
  DropOldest(found->second, found->second.size() / 2);
}

void OpStore::Checkpoint() {
  for (auto& [key, pending] : pending_) {
    if (pending.empty()) continue;
    const TreeState state = Materialized(key);
    if (state.version >= BlobVersion(key)) {
      StoreBlob(key, Encode(state));
      // What the blob counts and the counter leaves out (a peer's operations) may never put the counter behind it.
      versions_[key] = std::max(Version(key), state.version);
      DropOldest(pending, pending.size());
    }
  }
}

void OpStore::CollectGarbage() {
  std::erase_if(pending_, [](const auto& item) { return item.second.empty(); });
  std::erase_if(versions_,
                [this](const auto& item) { return !blobs_.contains(item.first) && !pending_.contains(item.first); });
}

std::vector<StoreEntry> OpStore::Snapshot(std::string_view actor, Time now) const {
  std::vector<StoreEntry> entries;
  for (const auto& [key, blob] : blobs_) {
    const std::uint64_t version = Version(key);
    PolicyState envelope{
        .model_id = Model(key), .policy_type = std::string(kTreeStateTag), .config = blob, .version = version};
    entries.push_back(Entry(key, std::move(envelope), version, actor, now));
  }
  return entries;
}

void OpStore::StoreBlob(const std::string& key, std::string blob) {
  std::string& stored = blobs_[key];
  blob_bytes_ += blob.size();
  blob_bytes_ -= stored.size();
  stored = std::move(blob);
}

void OpStore::Accept(const std::string& key, std::string blob, TreeState& state, Replay replay) {
  StoreBlob(key, std::move(blob));
  versions_[key] = std::max(Version(key), state.version);
  ++generation_;
  for (TreeOperation& operation : state.operations) replay(state.model_id, operation);
}

Result<OpStore::Applied> OpStore::ApplyState(Bytes config, Replay replay) {
  Result<TreeState> state = DecodeTreeState(config);
  if (!state.ok()) return state.error();
  const std::string key = Key(state->model_id);
  std::string blob = Encode(*state);  // before the comparison, as it was
  if (blobs_.contains(key) && state->version <= BlobVersion(key)) return Applied::kStale;
  Accept(key, std::move(blob), *state, replay);
  return Applied::kApplied;
}

Result<OpStore::Applied> OpStore::ApplyDelta(Bytes config, Replay replay) {
  Result<TreeStateDelta> delta = DecodeTreeStateDelta(config);
  if (!delta.ok()) return delta.error();
  const std::string key = Key(delta->model_id);
  TreeState state;
  state.model_id = delta->model_id;
  if (const auto blob = blobs_.find(key); blob != blobs_.end()) {
    const std::uint64_t version = BlobVersion(key);
    if (delta->base_version > version || version >= delta->new_version) return Applied::kStale;
    Result<TreeState> decoded = DecodeTreeState(AsBytes(blob->second));
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
