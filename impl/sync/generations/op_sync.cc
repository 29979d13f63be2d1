#include "impl/sync/generations/op_sync.h"

#include <utility>

namespace prefixmesh::generations {

void ReplayInto(Actions& actions, const std::string& model, TreeOperation& operation) {
  if (operation.type == TreeOperation::Type::kRemove) return;
  actions.push_back(ApplyPrompt{.model = model,
                                .kind = operation.kind,
                                .prompt = std::move(operation.prompt),
                                .worker_name = std::move(operation.tenant)});
}

TreeOperation OpSync::OperationOf(Offer offer) {
  return {.type = TreeOperation::Type::kInsert,
          .kind = offer.kind,
          .prompt = std::move(offer.prompt),
          .tenant = std::move(offer.worker_name)};
}

std::vector<Batch> OpSync::Collect(Time now, Collector& collector) {
  std::vector<Batch> batches(1);
  store_.Collect(collector, options_.self_name, now, batches[0]);
  if (batches[0].entries.empty()) batches.clear();
  return batches;
}

Result<std::uint64_t> OpSync::Check(const PolicyStateView& envelope, StreamRole /*role*/) const {
  if (envelope.policy_type == kTreeStateDeltaTag) {
    const Result<DeltaHeader> header = CheckTreeStateDelta(envelope.config);
    if (!header.ok()) return header.error();
    return header->operations;
  }
  if (envelope.policy_type == kTreeStateTag) {
    const Result<StateHeader> header = CheckTreeState(envelope.config);
    if (!header.ok()) return header.error();
    return header->operations;
  }
  return std::uint64_t{0};  // other tags are left alone, as they were
}

Status OpSync::Apply(const PolicyStateView& envelope, std::uint64_t records, StreamRole /*role*/, Actions& actions) {
  const bool is_delta = envelope.policy_type == kTreeStateDeltaTag;
  if (!is_delta && envelope.policy_type != kTreeStateTag) return {};
  const auto replay = [&actions](const std::string& model, TreeOperation& operation) {
    ReplayInto(actions, model, operation);
  };
  const Result<OpStore::Applied> applied =
      is_delta ? store_.ApplyDelta(envelope.config, replay) : store_.ApplyState(envelope.config, replay);
  if (!applied.ok()) return applied.error();
  Count(*applied, records);
  return {};
}

void OpSync::Count(OpStore::Applied applied, std::uint64_t records) {
  (applied == OpStore::Applied::kApplied ? records_.applied : records_.stale) += records;
}

void OpSync::AddBuffers(StrategyReport& report) const {
  report.Add("pending", store_.pending_bytes(), store_.pending_operations());
  report.Add("tree_configs", store_.blob_bytes(), store_.blobs());
}

}  // namespace prefixmesh::generations
