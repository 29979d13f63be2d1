#include "impl/sync/generations/crdt_ops/crdt_ops.h"

#include <utility>

#include "impl/sync/generations/tree_store.h"

namespace prefixmesh::generations {
namespace {

// Of the transport until #893, both ways.
constexpr std::uint64_t kEarlyTransportBytes = 4u << 20;
constexpr std::uint64_t kCrdtOpsCheckpointRounds = 60;

Context ContextOf(const CrdtOpsOptions& options) {
  Constants constants = options.constants;
  if (constants.checkpoint_rounds == 0) constants.checkpoint_rounds = kCrdtOpsCheckpointRounds;
  if (options.point <= CrdtOpsPoint::k825 && constants.transport_bytes == 0)
    constants.transport_bytes = kEarlyTransportBytes;
  return {.self_name = options.self_name, .constants = constants, .fixed = options.fixed};
}

SizeRule SizeRuleOf(CrdtOpsPoint point) {
  if (point == CrdtOpsPoint::k655) return {.dialer = TooBig::kUnchecked, .server = TooBig::kKept};
  if (point == CrdtOpsPoint::k825) return {.dialer = TooBig::kMarked, .server = TooBig::kMarked};
  return {};
}

StrategyTraits TraitsOf(const CrdtOpsOptions& options) {
  constexpr std::string_view kCrdtOpsNames[] = {"crdt-ops/a", "crdt-ops", "crdt-ops/b", "crdt-ops/c"};
  StrategyTraits traits =
      MakeTraits(kCrdtOpsNames[static_cast<std::size_t>(options.point)], ContextOf(options).constants);
  traits.gzip = options.point > CrdtOpsPoint::k825;
  return traits;
}

}  // namespace

CrdtOps::CrdtOps(const CrdtOpsOptions& options)
    : Generation(ContextOf(options), TraitsOf(options), SizeRuleOf(options.point)),
      point_(options.point),
      log_(options.self_name,
           options.point == CrdtOpsPoint::k655 ? SIZE_MAX : static_cast<std::size_t>(options.constants.log_entries),
           context_.trims),
      pending_(context_) {}

std::uint64_t CrdtOps::Version(std::string_view key) const {
  const CrdtLog::Entry* entry = log_.Find(key);
  return entry == nullptr ? 0 : entry->version;
}

// The original's whole way: the value out of the store, the envelope decoded, the list decoded from it.
TreeState CrdtOps::ListOf(std::string_view key) const {
  TreeState list;
  list.model_id = ModelOf(key);
  const CrdtLog::Entry* entry = log_.Find(key);
  if (entry == nullptr) return list;
  const std::string value = entry->value;
  // Before the first checkpoint of /c there is none.
  if (std::optional<TreeState> decoded = DecodeValue(form(), AsBytes(value))) list = std::move(*decoded);
  return list;
}

void CrdtOps::AppendTo(TreeState& list, const TreeOperation& operation) {
  const std::size_t operations = list.operations.size() + 1;
  list.Append(operation, context_.ListOperationsMax());
  context_.trims.Add(Trim::kListCap, operations - list.operations.size());
}

void CrdtOps::OnPlacement(Time /*now*/, Offer offer, Actions& /*actions*/) {
  ++context_.records.local;
  const std::string model = std::move(offer.model);
  Write(model, OperationOf(std::move(offer)));
}

void CrdtOps::OnRemoval(Time /*now*/, const Removal& removal, Actions& /*actions*/) {
  Write(removal.model, OperationOf(removal));
}

void CrdtOps::Write(const std::string& model, TreeOperation operation) {
  const std::string key = context_.OwnKey(model);
  const std::uint64_t version = Version(key) + 1;
  if (point_ == CrdtOpsPoint::k919) {
    // The list stays as it is; the value around it is written, and logged, once more.
    pending_.Append(key, std::move(operation), version);
    const CrdtLog::Entry* entry = log_.Find(key);
    PolicyState state{.model_id = model, .policy_type = std::string(kTreeStateTag), .config = {}, .version = version};
    const std::string value = entry == nullptr ? std::string() : entry->value;
    if (const Result<PolicyStateView> view = DecodePolicyState(AsBytes(value)); view.ok())
      state.config = AsText(view->config);
    return log_.Put(key, Encode(state), version);
  }
  TreeState list = ListOf(key);
  AppendTo(list, operation);
  log_.Put(key, EncodeValue(form(), list, version), version);
  if (HasPending()) pending_.Append(key, std::move(operation), version);
}

void CrdtOps::OnRound(Time /*now*/, Actions& /*actions*/) {
  // Before #919 only tombstones were collected, of which there are none.
  if (driver_.Round().checkpoint && point_ == CrdtOpsPoint::k919) Checkpoint();
}

void CrdtOps::Checkpoint() {
  for (const auto& [key, pending] : pending_.all()) {
    if (pending.empty()) continue;
    TreeState list = ListOf(key);
    for (const TreeOperation& operation : pending) AppendTo(list, operation);
    const std::uint64_t version = Version(key);
    log_.Put(key, EncodeValue(form(), list, version), version);
    pending_.Drop(key, list.operations.size());  // counts what was in the list before, too; fixed in #961
  }
}

std::uint64_t CrdtOps::OperationsIn(const CrdtLog::Entry& entry) const {
  const Result<ValueHeader> value = CheckValue(form(), AsBytes(entry.value));
  return value.ok() ? value->operations : 0;
}

StoreEntry CrdtOps::WholeEntry(std::string_view key, const CrdtLog::Entry& entry, Time now) const {
  return {.key = std::string(key),
          .value = entry.value,
          .version = entry.version,
          .actor = context_.self_name,
          .timestamp_ns = static_cast<std::uint64_t>(now.count())};
}

std::vector<Batch> CrdtOps::Collect(Time now, Collector& collector, Actions& /*actions*/) {
  std::vector<Batch> batches(1);
  Batch& batch = batches[0];
  batch.generation = StoreGeneration();
  for (const auto& [key, entry] : log_.entries()) {
    const std::uint64_t last_sent = collector.LastSent(key);
    if (entry.version <= last_sent) continue;
    const std::vector<TreeOperation>& pending = pending_.Of(key);
    const auto first = pending_.FirstBeyond(key, entry.version, last_sent);
    if (first.has_value() && !pending.empty()) {
      if (*first == pending.size()) continue;  // what moved the version is a peer's (H5 fixed)
      const std::size_t unsent = pending.size() - *first;
      batch.Add(pending_.DeltaEntry(key, *first, unsent, last_sent, entry.version, now), unsent, false);
      continue;
    }
    if (point_ == CrdtOpsPoint::k919 && !pending.empty()) {
      TreeState list = ListOf(key);
      for (const TreeOperation& operation : pending) list.Append(operation, context_.ListOperationsMax());
      batch.Add(TreeEntry(key, kTreeStateTag, Encode(list), entry.version, context_.self_name, now),
                list.operations.size(), true);
      continue;
    }
    batch.Add(WholeEntry(key, entry, now), OperationsIn(entry), true);
  }
  return batches;
}

std::vector<StoreEntry> CrdtOps::Snapshot(Time now) {
  std::vector<StoreEntry> entries;
  for (const auto& [key, entry] : log_.entries()) entries.push_back(WholeEntry(key, entry, now));
  return entries;
}

Result<Checked> CrdtOps::CheckEntry(const StoreEntryView& entry, StreamRole role) {
  if (form() == ValueForm::kBincode) return Generation::CheckEntry(entry, role);
  const Result<ValueHeader> value = CheckValue(form(), entry.value);
  if (!value.ok()) return value.error();
  if (!value->is_list) return Checked{};
  Result<std::string> key = KeyOf(context_, entry, value->model_id);
  if (!key.ok()) return key.error();
  return TakeState(value->operations, std::move(*key), entry.value, value->version, role);
}

Result<Checked> CrdtOps::Check(const Arrival& arrival) {
  const PolicyStateView& envelope = arrival.envelope;
  if (envelope.policy_type == kTreeStateTag) {
    // The value of /c before its first checkpoint has no list.
    if (envelope.config.empty() && point_ == CrdtOpsPoint::k919) return Checked{};
    const Result<StateView> list = ViewTreeState(envelope.config);
    if (!list.ok()) return list.error();
    return TakeState(list->operations.count, arrival.key, arrival.value, envelope.version, arrival.role);
  }
  if (envelope.policy_type == kTreeStateDeltaTag && HasPending()) {
    const Result<DeltaView> delta = ViewTreeStateDelta(envelope.config);
    if (!delta.ok()) return delta.error();
    return Checked{delta->operations.count, [this, key = arrival.key, taken = *delta](Actions& actions) -> Status {
                     TakeDelta(taken, key, actions);
                     return {};
                   }};
  }
  return Checked{};
}

Checked CrdtOps::TakeState(std::uint64_t records, std::string key, Bytes value, std::uint64_t version,
                           StreamRole role) {
  return {records, [this, key = std::move(key), version, role, records, value](Actions& actions) -> Status {
            if (version <= Version(key)) {
              context_.records.stale += records;
              return {};
            }
            // The tree first: what it is told is gone before the store's copies are made.
            const bool told = role != StreamRole::kDialer || HasPending();
            (told ? context_.records.applied : context_.records.unresolved) += records;
            if (told)
              ForEachOperation(form(), value, [&](std::string_view model, const OperationView& operation) {
                ReplayInto(actions, model, operation, context_.fixed);
              });
            log_.Put(key, std::string(AsText(value)), version);
            return {};
          }};
}

StateView CrdtOps::StoredList(std::string_view key) const {
  const CrdtLog::Entry* entry = log_.Find(key);
  if (entry == nullptr) return {};
  const Result<PolicyStateView> view = DecodePolicyState(AsBytes(entry->value));
  if (!view.ok()) return {};
  const Result<StateView> list = ViewTreeState(view->config);
  return list.ok() ? *list : StateView{};
}

void CrdtOps::TakeDelta(const DeltaView& delta, const std::string& key, Actions& actions) {
  const std::uint64_t version = Version(key);
  const OperationList& newer = delta.operations;
  StateView list = StoredList(key);
  const bool no_list_yet = list.version == 0 && version > 0;  // /c before its checkpoint
  if (delta.base_version > version || version >= delta.new_version || no_list_yet) {
    context_.records.stale += newer.count;
    return;
  }
  context_.records.applied += newer.count;
  const std::string model = list.model_id.empty() ? ModelOf(key) : std::string(list.model_id);
  const auto replay = [&](const OperationList& operations) {
    operations.ForEach([&](const OperationView& operation) { ReplayInto(actions, model, operation, context_.fixed); });
  };
  const std::uint64_t kept = KeptOf(list.operations.count, newer.count, context_.ListOperationsMax());
  context_.trims.Add(Trim::kListCap, list.operations.count + newer.count - kept);
  const OperationList last = newer.Last(kept);
  if (context_.Fixes(Hazard::kWholeReplay)) {
    replay(newer);
  } else {
    replay(list.operations.Last(kept - last.count));
    replay(last);
  }
  PolicyState state{
      .model_id = model, .policy_type = std::string(kTreeStateTag), .config = {}, .version = delta.new_version};
  state.config = EncodeJoined(model, list.operations, newer, list.version + newer.count, context_.ListOperationsMax());
  std::string value = Encode(state);
  std::string().swap(state.config);
  log_.Put(key, std::move(value), delta.new_version);
}

void CrdtOps::AddBuffers(StrategyReport& report) const {
  report.Add("crdt_log", log_.log_bytes(), log_.log_entries());
  report.Add("crdt_map", log_.map_bytes(), log_.entries().size());
  report.Add("pending", pending_.bytes(), pending_.operations());
}

}  // namespace prefixmesh::generations
