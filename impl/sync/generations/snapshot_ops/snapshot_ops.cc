#include "impl/sync/generations/snapshot_ops/snapshot_ops.h"

#include <algorithm>
#include <utility>

#include "impl/sync/generations/op_sync.h"
#include "impl/sync/generations/rebuilt_tree.h"

namespace prefixmesh::generations {
namespace {

PolicySyncOptions Common(const SnapshotOpsOptions& options) {
  return {.self_name = options.self_name, .batch_bytes_max = options.batch_bytes_max, .mended = options.mended};
}

}  // namespace

SnapshotOps::SnapshotOps(const SnapshotOpsOptions& options)
    : SnapshotSync(Common(options),
                   MakeTraits(options.delta_operations_max > 0 ? "capped-ops" : "snapshot-ops", Common(options))),
      cap_(options.delta_operations_max),
      while_rebuilding_(options.while_rebuilding),
      pending_(options.pending, options.mended) {}

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
  const std::string key = OwnKey(offer.model);
  pending_.Append(key, {.kind = offer.kind, .prompt = std::move(offer.prompt), .tenant = std::move(offer.worker_name)},
                  Version(key) + 1);
  Bump(key);
}

// ---- checkpoint -----------------------------------------------------------------------------------------------------

TreeSnapshot SnapshotOps::Rebuild(const std::string& key, std::span<const TreeOperation> operations) {
  RebuiltTree tree(trees_.Body(key));
  const bool applies_removals = mended(Hazard::kRemovalsDropped);
  // A body that a peer sent since has taken their place.
  if (const auto found = unfolded_.find(key); found != unfolded_.end())
    if (found->second.version >= trees_.BodyVersion(key)) tree.Apply(found->second.operations, applies_removals);
  tree.Apply(operations, applies_removals);
  return tree.Snapshot();
}

void SnapshotOps::Fold(const std::string& key) {
  const auto unfolded = unfolded_.find(key);
  if (unfolded == unfolded_.end()) return;
  trees_.SetBody(key, Encode(Rebuild(key, {})), Version(key));
  for (const TreeOperation& operation : unfolded->second.operations) unfolded_bytes_ -= EncodedBytes(operation);
  unfolded_.erase(unfolded);
}

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
    Fold(key);
    rebuilt_[key] = {Encode(Rebuild(key, pending)), pending.size(), before, Version(key)};
  }
  while (!unfolded_.empty()) Fold(unfolded_.begin()->first);  // trees without placements of this router
}

void SnapshotOps::EndCheckpoint() {
  for (auto& [key, rebuilt] : std::exchange(rebuilt_, {})) {
    if (!Commits(key, rebuilt)) continue;
    ++commits_;
    trees_.SetBody(key, std::move(rebuilt.body), rebuilt.version);
    pending_.Drop(key, rebuilt.operations);
  }
}

bool SnapshotOps::Commits(const std::string& key, const Rebuilt& rebuilt) const {
  if (trees_.Body(key) == nullptr) return true;
  if (mended(Hazard::kLiveCommit)) return rebuilt.version >= trees_.BodyVersion(key);
  return CapturedOf(ModelOf(key)).load(std::memory_order_relaxed) == rebuilt.captured_before;
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
    if (const auto first = pending_.FirstBeyond(key, version, last_sent)) {
      if (*first == pending.size()) continue;  // what moved the counter is a peer's (H5 mended)
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
  const TreeStateDelta delta{
      .model_id = ModelOf(key),
      .operations = {begin, begin + static_cast<std::ptrdiff_t>(count)},
      .base_version = last_sent,
      .new_version = count == unsent ? Version(key) : pending_.VersionAt(key, Version(key), first + count - 1)};
  batch.Add(TreeEntry(key, kTreeStateDeltaTag, Encode(delta), delta.new_version, options_.self_name, now), count,
            false);
}

void SnapshotOps::CollectGap(const std::string& key, Time now, Batch& batch) {
  const TreeSnapshot snapshot = Rebuild(key, pending_.Of(key));
  batch.Add(TreeEntry(key, kTreeSnapshotTag, Encode(snapshot), Version(key), options_.self_name, now),
            Holders(snapshot), true);
}

void SnapshotOps::CollectBodies(Time now, const Collector& collector, std::vector<Batch>& batches) {
  for (const auto& [key, body] : trees_.bodies()) {
    if (pending_.Count(key) > 0 || Version(key) <= collector.LastSent(key)) continue;
    Fold(key);
    const Result<TreeSnapshot> valid = DecodeTreeSnapshot(AsBytes(body));
    if (!valid.ok()) continue;
    Batch batch = BatchOf(key, body, Holders(*valid), Version(key), now);
    Batch& last = batches.back();
    if (last.entries.empty() || capped()) {
      batches.push_back(std::move(batch));
    } else {
      last.Add(std::move(batch.entries.front()), batch.carried.front().operations, true);
    }
  }
}

// ---- receiving ------------------------------------------------------------------------------------------------------

std::vector<StoreEntry> SnapshotOps::Snapshot(Time now) {
  while (!unfolded_.empty()) Fold(unfolded_.begin()->first);
  return SnapshotSync::Snapshot(now);
}

Result<PolicySync::Checked> SnapshotOps::Check(const Arrival& arrival) {
  const PolicyStateView& envelope = arrival.envelope;
  if (envelope.policy_type == kTreeStateDeltaTag) {
    Result<TreeStateDelta> delta = DecodeTreeStateDelta(envelope.config);
    if (!delta.ok()) return delta.error();
    return TakeDelta(std::move(*delta), arrival.key);
  }
  if (envelope.policy_type == kTreeStateTag) {
    const Result<TreeState> state = DecodeTreeState(envelope.config);
    if (!state.ok()) return state.error();
    RebuiltTree tree(nullptr);
    tree.Apply(state->operations, mended(Hazard::kRemovalsDropped));
    TreeSnapshot snapshot = tree.Snapshot();
    std::string body = Encode(snapshot);
    return TakeSnapshot(std::move(snapshot), std::move(body), arrival);
  }
  return SnapshotSync::Check(arrival);
}

PolicySync::Checked SnapshotOps::TakeDelta(TreeStateDelta delta, std::string key) {
  const std::uint64_t records = delta.operations.size();
  return {records, [this, key = std::move(key), records, taken = std::move(delta)](Actions& actions) mutable -> Status {
            const std::uint64_t version = Version(key);
            if (taken.base_version > version || version >= taken.new_version) {
              records_.stale += records;
              return {};
            }
            const auto lost = static_cast<std::uint64_t>(
                std::count_if(taken.operations.begin(), taken.operations.end(), [this](const TreeOperation& operation) {
                  return operation.type == TreeOperation::Type::kRemove ? !mended(Hazard::kRemovalsDropped)
                                                                        : operation.kind != Kind::kText;
                }));
            records_.unresolved += lost;
            records_.applied += records - lost;
            trees_.SetCounter(key, taken.new_version);
            trees_.Changed();
            if (mended(Hazard::kWholeReplay)) {
              Unfolded& unfolded = unfolded_[key];
              unfolded.version = taken.new_version;
              for (const TreeOperation& operation : taken.operations) {
                unfolded.operations.push_back(operation);
                unfolded_bytes_ += EncodedBytes(operation);
              }
              if (trees_.Body(key) == nullptr) Fold(key);  // so that the tree is there to be asked for
              for (TreeOperation& operation : taken.operations)
                if (operation.kind == Kind::kText) ReplayInto(actions, taken.model_id, operation, options_.mended);
              return {};
            }
            TreeSnapshot snapshot = Rebuild(key, taken.operations);
            trees_.SetBody(key, Encode(snapshot), taken.new_version);
            // Before the merge, which adds and never takes away.
            if (mended(Hazard::kRemovalsDropped))
              for (TreeOperation& operation : taken.operations)
                if (operation.type == TreeOperation::Type::kRemove)
                  ReplayInto(actions, taken.model_id, operation, options_.mended);
            actions.push_back(ApplySnapshot{.model = taken.model_id, .snapshot = std::move(snapshot)});
            return {};
          }};
}

void SnapshotOps::AddBuffers(StrategyReport& report) const {
  report.Add("pending", pending_.bytes(), pending_.operations());
  SnapshotSync::AddBuffers(report);
  if (mended(Hazard::kWholeReplay)) report.Add("unfolded", unfolded_bytes_, unfolded_.size());
}

}  // namespace prefixmesh::generations
