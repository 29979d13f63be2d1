#include "impl/sync/generations/snapshot_ops/snapshot_ops.h"

#include <algorithm>
#include <utility>

#include "impl/sync/generations/offers.h"

namespace prefixmesh::generations {
namespace {

// The rest of what a frame may take while it is handled.
constexpr std::uint64_t kRebuildSlackBytes = 640u << 10;

// What a rebuild of so many bytes may take, the result included: more than any tree does whose urls have a few bytes.
std::uint64_t RebuildMax(std::uint64_t bytes) { return 2 * bytes + kRebuildSlackBytes; }

Error TooLarge() { return {ErrorCode::kExhausted, "the operations make a tree of many times their size"}; }

OperationList ListOf(std::string_view operations) { return {0, AsBytes(operations)}; }

}  // namespace

SnapshotOps::SnapshotOps(const SnapshotOpsOptions& options)
    : Generation({.self_name = options.self_name, .constants = options.constants, .fixed = options.fixed},
                 MakeTraits(options.capped ? "capped-ops" : "snapshot-ops", options.constants)),
      cap_(options.capped ? static_cast<std::size_t>(options.constants.delta_operations) : 0),
      while_rebuilding_(options.while_rebuilding),
      pending_(context_),
      store_(context_) {}

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
  ++context_.records.local;
  const std::string model = std::move(offer.model);
  Append(model, OperationOf(std::move(offer)));
}

void SnapshotOps::OnRemoval(Time /*now*/, const Removal& removal, Actions& /*actions*/) {
  Append(removal.model, OperationOf(removal));
}

void SnapshotOps::Append(std::string_view model, TreeOperation operation) {
  const std::string key = context_.OwnKey(model);
  pending_.Append(key, std::move(operation), Version(key) + 1);
  store_.Bump(key);
}

// ---- checkpoint -----------------------------------------------------------------------------------------------------

RebuiltTree SnapshotOps::Stored(const std::string& key, std::uint64_t bytes_max) const {
  RebuiltTree tree(store_.trees().Body(key), bytes_max);
  // A body that a peer sent since has taken their place.
  if (const auto found = unfolded_.find(key); found != unfolded_.end())
    if (found->second.version >= store_.trees().BodyVersion(key))
      for (const std::string& operations : found->second.operations) tree.Apply(ListOf(operations), applies_removals());
  return tree;
}

void SnapshotOps::Fold(const std::string& key) {
  const auto unfolded = unfolded_.find(key);
  if (unfolded == unfolded_.end()) return;
  store_.trees().SetBody(key, Stored(key).Encode(), Version(key));
  for (const std::string& operations : unfolded->second.operations) unfolded_bytes_ -= operations.size();
  unfolded_.erase(unfolded);
}

void SnapshotOps::OnRound(Time /*now*/, Actions& /*actions*/) {
  const Driver::Due due = driver_.Round();
  if (due.checkpoint) {
    BeginCheckpoint();
    if (while_rebuilding_) while_rebuilding_();
    EndCheckpoint();
  }
  if (due.garbage) CollectGarbage();
}

void SnapshotOps::BeginCheckpoint() {
  for (const auto& [key, pending] : pending_.all()) {
    if (pending.empty()) continue;
    ++attempts_;
    const std::uint64_t before = CapturedOf(ModelOf(key)).load(std::memory_order_relaxed);
    Fold(key);
    RebuiltTree tree = Stored(key);
    tree.Apply(pending, applies_removals());
    rebuilt_[key] = {tree.Encode(), pending.size(), before, Version(key)};
  }
  while (!unfolded_.empty()) Fold(unfolded_.begin()->first);  // trees without placements of this router
}

void SnapshotOps::EndCheckpoint() {
  for (auto& [key, rebuilt] : std::exchange(rebuilt_, {})) {
    if (!Commits(key, rebuilt)) continue;
    ++commits_;
    store_.trees().SetBody(key, std::move(rebuilt.body), rebuilt.version);
    pending_.Drop(key, rebuilt.operations);
  }
}

bool SnapshotOps::Commits(const std::string& key, const Rebuilt& rebuilt) const {
  if (store_.trees().Body(key) == nullptr) return true;
  if (context_.Fixes(Hazard::kLiveCommit)) return rebuilt.version >= store_.trees().BodyVersion(key);
  return CapturedOf(ModelOf(key)).load(std::memory_order_relaxed) == rebuilt.captured_before;
}

void SnapshotOps::CollectGarbage() {
  pending_.EraseEmpty();
  store_.trees().DropCounters(
      [this](const std::string& key) { return store_.trees().Body(key) != nullptr || pending_.Has(key); });
}

// ---- sending --------------------------------------------------------------------------------------------------------

std::vector<Batch> SnapshotOps::Collect(Time now, Collector& collector, Actions& /*actions*/) {
  std::vector<Batch> batches(1);
  const auto next = [&]() -> Batch& {
    if (capped() && !batches.back().entries.empty()) batches.emplace_back();
    batches.back().generation = StoreGeneration();
    return batches.back();
  };
  for (const auto& [key, pending] : pending_.all()) {
    const std::uint64_t version = Version(key);
    const std::uint64_t last_sent = collector.LastSent(key);
    if (pending.empty() || version <= last_sent) continue;
    if (const auto first = pending_.FirstBeyond(key, version, last_sent)) {
      if (*first == pending.size()) continue;  // what moved the counter is a peer's (H5 fixed)
      CollectDelta(key, *first, last_sent, now, next());
    } else if (!capped()) {
      CollectGap(key, now, next());
    }
  }
  CollectBodies(now, collector, batches);
  return batches;
}

void SnapshotOps::CollectDelta(const std::string& key, std::size_t first, std::uint64_t last_sent, Time now,
                               Batch& batch) const {
  const std::size_t unsent = pending_.Count(key) - first;
  const std::size_t count = capped() ? std::min(unsent, cap_) : unsent;
  const std::uint64_t version =
      count == unsent ? Version(key) : pending_.VersionAt(key, Version(key), first + count - 1);
  batch.Add(pending_.DeltaEntry(key, first, count, last_sent, version, now), count, false);
}

void SnapshotOps::CollectGap(const std::string& key, Time now, Batch& batch) {
  RebuiltTree tree = Stored(key);
  tree.Apply(pending_.Of(key), applies_removals());
  batch.Add(TreeEntry(key, kTreeSnapshotTag, tree.Encode(), Version(key), context_.self_name, now), tree.Holders(),
            true);
}

void SnapshotOps::CollectBodies(Time now, const Collector& collector, std::vector<Batch>& batches) {
  for (const auto& [key, body] : store_.trees().bodies()) {
    if (pending_.Count(key) > 0 || Version(key) <= collector.LastSent(key)) continue;
    Fold(key);
    if (!ViewTreeSnapshot(AsBytes(body)).ok()) continue;
    Batch batch = store_.BatchOf(key, body, RecordsIn(body), Version(key), now);
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
  return store_.Snapshot(now);
}

Result<Checked> SnapshotOps::Check(const Arrival& arrival) {
  const PolicyStateView& envelope = arrival.envelope;
  if (envelope.policy_type == kTreeStateTag) return CheckList(arrival);
  if (envelope.policy_type != kTreeStateDeltaTag) return store_.Check(arrival);
  const Result<DeltaView> delta = ViewTreeStateDelta(envelope.config);
  if (!delta.ok()) return delta.error();
  return Checked{delta->operations.count, [this, key = arrival.key, taken = *delta](Actions& actions) {
                   return TakeDelta(taken, key, actions);
                 }};
}

Result<Checked> SnapshotOps::CheckList(const Arrival& arrival) {
  const Result<StateView> list = ViewTreeState(arrival.envelope.config);
  if (!list.ok()) return list.error();
  const auto rebuilt = [this, operations = list->operations] {
    RebuiltTree tree(nullptr, RebuildMax(operations.bytes.size()));
    tree.Apply(operations, applies_removals());
    return tree;
  };
  const RebuiltTree tree = rebuilt();
  if (!tree.fits()) return TooLarge();
  // It is rebuilt once more when it is applied: a frame may hold many, and one at a time is in memory.
  return Checked{tree.Holders(),
                 [this, rebuilt, records = tree.Holders(), key = arrival.key,
                  version = arrival.envelope.version](Actions& actions) -> Status {
                   if (store_.Takes(key, version, records)) store_.Keep(key, rebuilt().Encode(), version, actions);
                   return {};
                 }};
}

Status SnapshotOps::TakeDelta(const DeltaView& delta, const std::string& key, Actions& actions) {
  const OperationList& operations = delta.operations;
  const std::uint64_t version = Version(key);
  if (delta.base_version > version || version >= delta.new_version) {
    context_.records.stale += operations.count;
    return {};
  }
  const std::string* body = store_.trees().Body(key);
  const bool replays_whole = !context_.Fixes(Hazard::kWholeReplay);
  std::string rebuilt;
  if (replays_whole || body == nullptr) {
    RebuiltTree tree = Stored(key, RebuildMax(operations.bytes.size() + (body != nullptr ? body->size() : 0)));
    tree.Apply(operations, applies_removals());
    if (!tree.fits()) return TooLarge();
    rebuilt = tree.Encode();
  }
  std::uint64_t lost = 0;
  operations.ForEach([&](const OperationView& operation) {
    const bool removes = operation.type == TreeOperation::Type::kRemove;
    lost += removes ? !applies_removals() : operation.kind != Kind::kText;
    // Before the merge, which adds and never takes away.
    if (removes ? applies_removals() : !replays_whole && operation.kind == Kind::kText)
      ReplayInto(actions, delta.model_id, operation, context_.fixed);
  });
  context_.records.unresolved += lost;
  context_.records.applied += operations.count - lost;
  store_.trees().SetCounter(key, delta.new_version);
  store_.trees().Changed();
  if (!replays_whole && body != nullptr) {
    Unfolded& unfolded = unfolded_[key];
    unfolded.version = delta.new_version;
    unfolded.operations.emplace_back(AsText(operations.bytes));
    unfolded_bytes_ += operations.bytes.size();
    return {};
  }
  if (replays_whole) actions.push_back(ApplySnapshot{.model = std::string(delta.model_id), .body = rebuilt});
  store_.trees().SetBody(key, std::move(rebuilt), delta.new_version);
  return {};
}

void SnapshotOps::AddBuffers(StrategyReport& report) const {
  report.Add("pending", pending_.bytes(), pending_.operations());
  store_.AddTo(report);
  if (context_.Fixes(Hazard::kWholeReplay)) report.Add("unfolded", unfolded_bytes_, unfolded_.size());
}

}  // namespace prefixmesh::generations
