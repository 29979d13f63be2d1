#include "impl/sync/generations/op_store.h"

#include <algorithm>
#include <utility>

#include "impl/wire/policy_state.h"
#include "impl/wire/tree_snapshot.h"

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

bool OpStore::IsNews(std::string_view key, std::uint64_t version, std::uint64_t records) {
  const bool news = trees_.Body(key) == nullptr || version > VersionOfBody(key).value_or(Version(key));
  (news ? context_.records.applied : context_.records.stale) += records;
  return news;
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

void OpStore::Collect(const Collector& collector, Time now, Batch& batch) const {
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
      if (*first == pending.size()) continue;  // what moved the counter is a peer's (H5 fixed)
      const std::size_t unsent = pending.size() - *first;
      batch.Add(pending_.DeltaEntry(key, *first, unsent, last_sent, version, now), unsent, false);
    } else {
      Materialized list = Materialize(key);
      StoreEntry entry = TreeEntry(key, kTreeStateTag, std::move(list.body), list.version, context_.self_name, now);
      entry.version = version;
      batch.Add(std::move(entry), list.operations, true);
    }
  }
  // Phase 2: lists whose keys had nothing above, as they are. What came from a peer goes back to it, too (H6).
  for (const auto& [key, blob] : trees_.bodies()) {
    const std::uint64_t version = Version(key);
    if (Pending(key) > 0 || version <= collector.LastSent(key) || left_out(key)) continue;
    const Result<StateView> list = ViewTreeState(AsBytes(blob));
    batch.Add(TreeEntry(key, kTreeStateTag, blob, version, context_.self_name, now),
              list.ok() ? list->operations.count : 0, true);
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
  const std::size_t operations_max = context_.ListOperationsMax();
  const std::uint64_t kept = KeptOf(list.operations.count, newer.count, operations_max);
  return {EncodeJoined(list.model_id, list.operations, newer, version, operations_max), version, kept,
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
      context_.trims.Add(Trim::kListCap, list.forgotten);
    }
  }
}

void OpStore::CollectGarbage() {
  pending_.EraseEmpty();
  trees_.DropCounters([this](const std::string& key) { return trees_.Body(key) != nullptr || pending_.Has(key); });
}

std::vector<StoreEntry> OpStore::Snapshot(Time now) const {
  std::vector<StoreEntry> entries;
  for (const auto& [key, blob] : trees_.bodies())
    entries.push_back(TreeEntry(key, kTreeStateTag, blob, Version(key), context_.self_name, now));
  return entries;
}

// ---- what peers send ------------------------------------------------------------------------------------------------

Result<Checked> OpStore::Check(const Arrival& arrival) {
  const PolicyStateView& envelope = arrival.envelope;
  if (envelope.policy_type == kTreeStateDeltaTag) {
    const Result<DeltaView> delta = ViewTreeStateDelta(envelope.config);
    if (!delta.ok()) return delta.error();
    return Checked{delta->operations.count, [this, key = arrival.key, taken = *delta](Actions& actions) {
                     return ApplyDelta(key, taken, actions);
                   }};
  }
  if (envelope.policy_type == kTreeStateTag) {
    const Result<StateView> list = ViewTreeState(envelope.config);
    if (!list.ok()) return list.error();
    return Checked{list->operations.count, [this, key = arrival.key, taken = *list](Actions& actions) -> Status {
                     ApplyList(key, taken.model_id, taken, actions);
                     return {};
                   }};
  }
  return Checked{};
}

void OpStore::Replay(Actions& actions, std::string_view model, const OperationList& operations) const {
  operations.ForEach([&](const OperationView& operation) { ReplayInto(actions, model, operation, context_.fixed); });
}

void OpStore::ApplyList(const std::string& key, std::string_view model, const StateView& list, Actions& actions) {
  if (!IsNews(key, list.version, list.operations.count)) return;
  Replay(actions, model, list.operations);
  trees_.SetBody(key, EncodeJoined(model, list.operations, {}, list.version, SIZE_MAX));
  Raise(key, list.version);
}

void OpStore::ApplyTree(const std::string& key, std::string_view model, std::string body, std::uint64_t version,
                        std::uint64_t records, Actions& actions) {
  if (!IsNews(key, version, records)) return;
  const SnapshotView tree = *ViewTreeSnapshot(AsBytes(body));
  const std::uint64_t forgotten = *CountFlat(tree) - records;
  context_.trims.Add(Trim::kListCap, forgotten);
  ForEachFlat(tree, forgotten, [&](const std::string& prompt, std::string_view tenant) {
    ReplayInto(actions, model, {.prompt = prompt, .tenant = tenant}, context_.fixed);
  });
  trees_.SetBody(key, std::move(body), version);
  Raise(key, version);
}

bool OpStore::AppendInPlace(const std::string& key, const OperationList& newer) {
  bool appended = false;
  if (context_.Fixes(Hazard::kWholeReplay) && trees_.Body(key) != nullptr)
    trees_.ChangeBody(
        key, [&](std::string& body) { appended = AppendToEncoded(body, newer, context_.ListOperationsMax()); });
  return appended;
}

Status OpStore::ApplyDelta(const std::string& key, const DeltaView& delta, Actions& actions) {
  const OperationList& newer = delta.operations;
  const std::string* stored = trees_.Body(key);
  const std::uint64_t version = BlobVersion(key);  // without a body, 0: only a delta from the beginning goes on from it
  if (delta.base_version > version || (stored != nullptr && version >= delta.new_version)) {
    context_.records.stale += newer.count;
    return {};
  }
  const bool appended = AppendInPlace(key, newer);
  StateView list{.model_id = delta.model_id, .operations = {}};
  if (stored != nullptr && !appended) {
    const Result<StateView> view = ViewTreeState(AsBytes(*stored));
    if (!view.ok()) return view.error();
    list = *view;
  }
  context_.records.applied += newer.count;
  const std::size_t operations_max = context_.ListOperationsMax();
  const std::uint64_t operations = list.operations.count + newer.count;
  const std::uint64_t kept = KeptOf(list.operations.count, newer.count, operations_max);
  if (context_.Fixes(Hazard::kWholeReplay)) {
    Replay(actions, delta.model_id, newer);
  } else {
    const OperationList last = newer.Last(kept);
    Replay(actions, delta.model_id, list.operations.Last(kept - last.count));
    Replay(actions, delta.model_id, last);
  }
  if (!appended) {
    context_.trims.Add(Trim::kListCap, operations - kept);
    trees_.SetBody(key,
                   EncodeJoined(list.model_id, list.operations, newer, list.version + newer.count, operations_max));
  }
  Raise(key, BlobVersion(key));
  return {};
}

void OpStore::AddTo(StrategyReport& report) const {
  report.Add("pending", pending_.bytes(), pending_.operations());
  report.Add("tree_configs", trees_.body_bytes(), trees_.bodies().size());
}

}  // namespace prefixmesh::generations
