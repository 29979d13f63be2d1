#include "impl/sync/generations/op_sync.h"

#include <utility>

namespace prefixmesh::generations {

void ReplayInto(Actions& actions, std::string_view model, const OperationView& operation, HazardSet mended) {
  if (operation.type == TreeOperation::Type::kRemove) {
    if (mended.contains(Hazard::kRemovalsDropped))
      actions.push_back(ForgetTenant{.model = std::string(model), .worker_name = std::string(operation.tenant)});
    return;
  }
  actions.push_back(ApplyPrompt{.model = std::string(model),
                                .kind = operation.kind,
                                .prompt = std::string(operation.prompt),
                                .worker_name = std::string(operation.tenant)});
}

TreeOperation OpSync::OperationOf(Offer offer) {
  return {.type = TreeOperation::Type::kInsert,
          .kind = offer.kind,
          .prompt = std::move(offer.prompt),
          .tenant = std::move(offer.worker_name)};
}

std::vector<Batch> OpSync::Collect(Time now, Collector& collector, Actions& /*actions*/) {
  std::vector<Batch> batches(1);
  store_.Collect(collector, options_.self_name, now, batches[0]);
  if (batches[0].entries.empty()) batches.clear();
  return batches;
}

Result<PolicySync::Checked> OpSync::Check(const Arrival& arrival) {
  const PolicyStateView& envelope = arrival.envelope;
  const auto apply_with = [this, &arrival](auto apply, std::uint64_t records) {
    return Checked{
        records,
        [this, key = arrival.key, config = arrival.envelope.config, apply, records](Actions& actions) -> Status {
          const auto replay = [this, &actions](std::string_view model, const OperationView& operation) {
            ReplayInto(actions, model, operation, options_.mended);
          };
          const Result<OpStore::Applied> applied = (store_.*apply)(key, config, replay);
          if (!applied.ok()) return applied.error();
          Count(*applied, records);
          return {};
        }};
  };
  if (envelope.policy_type == kTreeStateDeltaTag) {
    const Result<DeltaView> delta = ViewTreeStateDelta(envelope.config);
    if (!delta.ok()) return delta.error();
    return apply_with(&OpStore::ApplyDelta, delta->operations.count);
  }
  if (envelope.policy_type == kTreeStateTag) {
    const Result<StateView> list = ViewTreeState(envelope.config);
    if (!list.ok()) return list.error();
    return apply_with(&OpStore::ApplyState, list->operations.count);
  }
  return Checked{};  // other tags are left alone, as they were
}

void OpSync::Count(OpStore::Applied applied, std::uint64_t records) {
  (applied == OpStore::Applied::kApplied ? records_.applied : records_.stale) += records;
}

void OpSync::AddBuffers(StrategyReport& report) const {
  report.Add("pending", store_.pending_bytes(), store_.pending_operations());
  report.Add("tree_configs", store_.blob_bytes(), store_.blobs());
}

}  // namespace prefixmesh::generations
