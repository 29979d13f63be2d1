#include "impl/sync/generations/snapshot_ops/snapshot_ops.h"

#include <algorithm>
#include <utility>

#include "impl/sync/generations/rebuilt_tree.h"

namespace prefixmesh::generations {
namespace {

PolicySyncOptions Common(const SnapshotOpsOptions& options) {
  return {.self_name = options.self_name, .batch_bytes_max = options.batch_bytes_max};
}

}  // namespace

SnapshotOps::SnapshotOps(const SnapshotOpsOptions& options)
    : SnapshotSync(Common(options),
                   MakeTraits(options.delta_operations_max > 0 ? "capped-ops" : "snapshot-ops", Common(options))),
      cap_(options.delta_operations_max),
      while_rebuilding_(options.while_rebuilding),
      pending_(options.pending) {}

std::atomic<std::uint64_t>& SnapshotOps::CapturedOf(std::string_view model) const {
  std::uint32_t hash = 2166136261u;  // FNV-1a
  for (const char c : model) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return captured_[hash % captured_.size()];
}

std::optional<Offer> SnapshotOps::Capture(const PlacementView& placement) const {
  CapturedOf(ModelName(placement)).fetch_add(1, std::memory_order_relaxed);
  return CopyOf(placement);
}

void SnapshotOps::OnPlacement(Time /*now*/, Offer offer, Actions& /*actions*/) {
  ++records_.local;
  const std::string key = TreeKey(offer.model);
  pending_.Append(key, {.kind = offer.kind, .prompt = std::move(offer.prompt), .tenant = std::move(offer.worker_name)});
  Bump(key);
}

// ---- checkpoint -----------------------------------------------------------------------------------------------------

void SnapshotOps::Checkpoint(Time /*now*/) {
  BeginCheckpoint();
  if (while_rebuilding_) while_rebuilding_();
  EndCheckpoint();
}

void SnapshotOps::BeginCheckpoint() {
  for (const auto& [key, pending] : pending_.all()) {
    if (pending.empty()) continue;
    ++attempts_;
    const std::uint64_t before = CapturedOf(ModelOf(key)).load(std::memory_order_relaxed);
    RebuiltTree tree(trees_.Body(key));
    tree.Insert(pending);
    rebuilt_[key] = {Encode(tree.Snapshot()), pending.size(), before};
  }
}

void SnapshotOps::EndCheckpoint() {
  for (auto& [key, rebuilt] : std::exchange(rebuilt_, {})) {
    const bool moved = CapturedOf(ModelOf(key)).load(std::memory_order_relaxed) != rebuilt.captured_before;
    if (moved && trees_.Body(key) != nullptr) continue;
    ++commits_;
    trees_.SetBody(key, std::move(rebuilt.body));
    pending_.Drop(key, rebuilt.operations);
  }
}

void SnapshotOps::CollectGarbage() {
  pending_.EraseEmpty();
  trees_.DropCounters([this](const std::string& key) { return trees_.Body(key) != nullptr || pending_.Has(key); });
}

// ---- sending --------------------------------------------------------------------------------------------------------

std::vector<Batch> SnapshotOps::Collect(Time now, Collector& collector, Actions& /*actions*/) {
  std::vector<Batch> batches(1);
  const auto next = [&]() -> Batch& {
    if (capped() && !batches.back().entries.empty()) batches.emplace_back();
    batches.back().generation = Generation();
    return batches.back();
  };
  for (const auto& [key, pending] : pending_.all()) {
    const std::uint64_t version = Version(key);
    const std::uint64_t last_sent = collector.LastSent(key);
    if (pending.empty() || version <= last_sent) continue;
    if (const auto first = pending_.FirstUnsent(key, version, last_sent)) {
      CollectDelta(key, *first, last_sent, now, next());
    } else if (!capped()) {
      CollectGap(key, now, next());
    }
  }
  CollectBodies(now, collector, batches);
  std::erase_if(batches, [](const Batch& batch) { return batch.entries.empty(); });
  return batches;
}

void SnapshotOps::CollectDelta(const std::string& key, std::size_t first, std::uint64_t last_sent, Time now,
                               Batch& batch) const {
  const std::vector<TreeOperation>& pending = pending_.Of(key);
  const std::size_t unsent = pending.size() - first;
  const std::size_t count = capped() ? std::min(unsent, cap_) : unsent;
  const auto begin = pending.begin() + static_cast<std::ptrdiff_t>(first);
  const TreeStateDelta delta{.model_id = ModelOf(key),
                             .operations = {begin, begin + static_cast<std::ptrdiff_t>(count)},
                             .base_version = last_sent,
                             .new_version = capped() ? last_sent + count : Version(key)};
  batch.operations += count;
  batch.entries.push_back(
      TreeEntry(key, kTreeStateDeltaTag, Encode(delta), delta.new_version, options_.self_name, now));
}

void SnapshotOps::CollectGap(const std::string& key, Time now, Batch& batch) const {
  RebuiltTree tree(trees_.Body(key));
  tree.Insert(pending_.Of(key));
  const TreeSnapshot snapshot = tree.Snapshot();
  batch.operations += Holders(snapshot);
  batch.has_state = true;
  batch.entries.push_back(TreeEntry(key, kTreeSnapshotTag, Encode(snapshot), Version(key), options_.self_name, now));
}

void SnapshotOps::CollectBodies(Time now, const Collector& collector, std::vector<Batch>& batches) const {
  for (const auto& [key, body] : trees_.bodies()) {
    if (pending_.Count(key) > 0 || Version(key) <= collector.LastSent(key)) continue;
    const Result<TreeSnapshot> valid = DecodeTreeSnapshot(AsBytes(body));
    if (!valid.ok()) continue;
    Batch batch = BatchOf(key, body, Holders(*valid), Version(key), now);
    Batch& last = batches.back();
    if (last.entries.empty() || capped()) {
      batches.push_back(std::move(batch));
    } else {
      last.operations += batch.operations;
      last.has_state = true;
      last.entries.push_back(std::move(batch.entries.front()));
    }
  }
}

// ---- receiving ------------------------------------------------------------------------------------------------------

Result<PolicySync::Checked> SnapshotOps::Check(const PolicyStateView& envelope, StreamRole role) {
  if (envelope.policy_type == kTreeStateDeltaTag) {
    Result<TreeStateDelta> delta = DecodeTreeStateDelta(envelope.config);
    if (!delta.ok()) return delta.error();
    return TakeDelta(std::move(*delta));
  }
  if (envelope.policy_type == kTreeStateTag) {
    const Result<TreeState> state = DecodeTreeState(envelope.config);
    if (!state.ok()) return state.error();
    RebuiltTree tree(nullptr);
    tree.Insert(state->operations);
    TreeSnapshot snapshot = tree.Snapshot();
    std::string body = Encode(snapshot);
    return TakeSnapshot(std::move(snapshot), std::move(body), state->model_id, envelope.version);
  }
  return SnapshotSync::Check(envelope, role);
}

PolicySync::Checked SnapshotOps::TakeDelta(TreeStateDelta delta) {
  const std::uint64_t records = delta.operations.size();
  return {records, [this, records, taken = std::move(delta)](Actions& actions) -> Status {
            const std::string key = TreeKey(taken.model_id);
            const std::uint64_t version = Version(key);
            if (taken.base_version > version || version >= taken.new_version) {
              records_.stale += records;
              return {};
            }
            RebuiltTree tree(trees_.Body(key));
            tree.Insert(taken.operations);
            TreeSnapshot snapshot = tree.Snapshot();
            trees_.SetBody(key, Encode(snapshot));
            trees_.SetCounter(key, taken.new_version);
            trees_.Changed();
            const auto lost = static_cast<std::uint64_t>(
                std::count_if(taken.operations.begin(), taken.operations.end(), [](const TreeOperation& operation) {
                  return operation.type == TreeOperation::Type::kRemove || operation.kind != Kind::kText;
                }));
            records_.unresolved += lost;
            records_.applied += records - lost;
            actions.push_back(ApplySnapshot{.model = taken.model_id, .snapshot = std::move(snapshot)});
            return {};
          }};
}

void SnapshotOps::AddBuffers(StrategyReport& report) const {
  report.Add("pending", pending_.bytes(), pending_.operations());
  SnapshotSync::AddBuffers(report);
}

}  // namespace prefixmesh::generations
