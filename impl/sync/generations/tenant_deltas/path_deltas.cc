#include "impl/sync/generations/tenant_deltas/path_deltas.h"

#include <utility>

#include "impl/sync/generations/heap_bytes.h"

namespace prefixmesh::generations {
namespace {

PolicySyncOptions Common(const PathDeltasOptions& options) {
  return {.self_name = options.self_name, .batch_bytes_max = options.batch_bytes_max, .mended = options.mended};
}

}  // namespace

PathDeltas::PathDeltas(const PathDeltasOptions& options)
    : OpSync(Common(options), MakeTraits("tenant-deltas/d2", Common(options)), {}) {}

void PathDeltas::OnPlacement(Time /*now*/, Offer offer, Actions& /*actions*/) {
  ++records_.local;
  const std::string model = offer.model;
  std::vector<PathInsert>& inserts = buffers_[model];
  buffered_bytes_ -= inserts.capacity() * sizeof(PathInsert);
  inserts.push_back({.path = offer.kind == Kind::kText ? offer.prompt : PathOfTokens(offer.prompt),
                     .worker_url = offer.worker_name,
                     .epoch = store_.Version(OwnKey(model))});
  buffered_bytes_ +=
      inserts.capacity() * sizeof(PathInsert) + HeapBytes(inserts.back().path) + HeapBytes(inserts.back().worker_url);
  ++buffered_;
  store_.Append(OwnKey(model), OperationOf(std::move(offer)));
}

std::vector<Batch> PathDeltas::Collect(Time now, Collector& collector, Actions& /*actions*/) {
  std::vector<Batch> batches(1);
  Batch& batch = batches[0];
  for (auto& [model, inserts] : std::exchange(buffers_, {})) {
    const std::string key = OwnKey(model);
    const std::uint64_t version = store_.Version(key);
    const PathDelta delta{.model_id = model, .version = version, .inserts = std::move(inserts), .evictions = {}};
    batch.Add(TreeEntry(key, kTenantDeltaTag, Encode(delta), version, options_.self_name, now), delta.inserts.size(),
              false);
  }
  buffered_ = 0;
  buffered_bytes_ = 0;
  store_.Collect(collector, options_.self_name, now, batch);
  if (batch.entries.empty()) batches.clear();
  return batches;
}

Result<PolicySync::Checked> PathDeltas::Check(const Arrival& arrival) {
  if (arrival.envelope.policy_type != kTenantDeltaTag) return OpSync::Check(arrival);
  const Result<PathDeltaView> delta = ViewPathDelta(arrival.envelope.config);
  if (!delta.ok()) return delta.error();
  return Checked{delta->inserts + delta->evictions,
                 [this, key = arrival.key, taken = *delta](Actions& actions) -> Status {
                   taken.ForEachInsert([&](std::string_view path, std::string_view url, std::uint64_t) {
                     const bool resolves = !path.starts_with(kTokensPath);
                     ++(resolves ? records_.applied : records_.unresolved);
                     if (resolves)
                       actions.push_back(ApplyPrompt{.model = std::string(taken.model_id),
                                                     .kind = Kind::kText,
                                                     .prompt = std::string(path),
                                                     .worker_name = std::string(url)});
                   });
                   records_.unresolved += taken.evictions;
                   store_.Raise(key, taken.version);
                   return {};
                 }};
}

void PathDeltas::AddBuffers(StrategyReport& report) const {
  report.Add("tenant_deltas", buffered_bytes_, buffered_);
  OpSync::AddBuffers(report);
}

}  // namespace prefixmesh::generations
