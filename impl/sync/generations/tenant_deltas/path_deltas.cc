#include "impl/sync/generations/tenant_deltas/path_deltas.h"

#include <utility>

#include "impl/sync/generations/heap_bytes.h"

namespace prefixmesh::generations {
namespace {

constexpr std::string_view kPathDeltasNames[] = {"tenant-deltas/d1", "tenant-deltas/d2", "tenant-deltas/d3",
                                                 "tenant-deltas/d4"};

}  // namespace

PathDeltas::PathDeltas(const PathDeltasOptions& options)
    : Generation({.self_name = options.self_name, .constants = options.constants, .mended = options.mended},
                 MakeTraits(kPathDeltasNames[static_cast<std::size_t>(options.draft)], options.constants)),
      draft_(options.draft),
      store_(context_),
      structure_rounds_(options.constants.structure_rounds) {}

void PathDeltas::OnPlacement(Time /*now*/, Offer offer, Actions& /*actions*/) {
  ++context_.records.local;
  const std::string model = offer.model;
  std::vector<PathInsert>& inserts = buffers_[model];
  buffered_bytes_ -= inserts.capacity() * sizeof(PathInsert);
  inserts.push_back({.path = offer.kind == Kind::kText ? offer.prompt : PathOfTokens(offer.prompt),
                     .worker_url = offer.worker_name,
                     .epoch = store_.Version(context_.OwnKey(model))});
  buffered_bytes_ +=
      inserts.capacity() * sizeof(PathInsert) + HeapBytes(inserts.back().path) + HeapBytes(inserts.back().worker_url);
  ++buffered_;
  store_.Append(context_.OwnKey(model), OperationOf(std::move(offer)));
}

void PathDeltas::OnRound(Time /*now*/, Actions& /*actions*/) {
  const Driver::Due due = driver_.Round();
  if (due.checkpoint) store_.Checkpoint();
  if (due.garbage) store_.CollectGarbage();
}

std::vector<Batch> PathDeltas::Collect(Time now, Collector& collector, Actions& /*actions*/) {
  std::vector<Batch> batches(1);
  Batch& batch = batches[0];
  for (auto& [model, inserts] : std::exchange(buffers_, {})) {
    if (draft_ >= PathDeltaDraft::kD3 && structure_rounds_.Due(collector.peer(), model)) continue;
    const std::string key = context_.OwnKey(model);
    const std::uint64_t version = store_.Version(key);
    const PathDelta delta{.model_id = model, .version = version, .inserts = std::move(inserts), .evictions = {}};
    batch.Add(TreeEntry(key, kTenantDeltaTag, Encode(delta), version, context_.self_name, now), delta.inserts.size(),
              false);
  }
  buffered_ = 0;
  buffered_bytes_ = 0;
  store_.Collect(collector, now, batch);
  return batches;
}

Result<Checked> PathDeltas::Check(const Arrival& arrival) {
  if (arrival.envelope.policy_type != kTenantDeltaTag) return store_.Check(arrival);
  const Result<PathDeltaView> delta = ViewPathDelta(arrival.envelope.config);
  if (!delta.ok()) return delta.error();
  return Checked{delta->inserts + delta->evictions,
                 [this, key = arrival.key, taken = *delta](Actions& actions) -> Status {
                   Receive(key, taken, actions);
                   return {};
                 }};
}

void PathDeltas::Receive(const std::string& key, const PathDeltaView& delta, Actions& actions) {
  const std::string model(delta.model_id);
  delta.ForEachInsert([&](std::string_view path, std::string_view url, std::uint64_t) {
    const bool resolves = draft_ >= PathDeltaDraft::kD2 && !path.starts_with(kTokensPath);
    ++(resolves ? context_.records.applied : context_.records.unresolved);
    if (resolves)
      actions.push_back(ApplyPrompt{
          .model = model, .kind = Kind::kText, .prompt = std::string(path), .worker_name = std::string(url)});
  });
  delta.ForEachEviction([&](std::string_view path, std::string_view url) {
    const bool everywhere = draft_ >= PathDeltaDraft::kD4 && path.empty();
    ++(everywhere ? context_.records.applied : context_.records.unresolved);
    if (everywhere) actions.push_back(ForgetTenant{.model = model, .worker_name = std::string(url)});
  });
  store_.Raise(key, delta.version);
}

void PathDeltas::AddBuffers(StrategyReport& report) const {
  report.Add("tenant_deltas", buffered_bytes_, buffered_);
  store_.AddTo(report);
}

}  // namespace prefixmesh::generations
