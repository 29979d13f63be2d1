#include "impl/sync/generations/tenant_deltas/path_deltas.h"

#include <utility>

#include "impl/sync/generations/heap_bytes.h"

namespace prefixmesh::generations {
namespace {

constexpr std::string_view kPathDeltasNames[] = {"tenant-deltas/d1", "tenant-deltas/d2", "tenant-deltas/d3",
                                                 "tenant-deltas/d4"};

std::string PathOf(Kind kind, const std::string& prompt) { return kind == Kind::kText ? prompt : PathOfTokens(prompt); }

StrategyTraits TraitsOf(const PathDeltasOptions& options) {
  StrategyTraits traits = MakeTraits(kPathDeltasNames[static_cast<std::size_t>(options.draft)], options.constants);
  if (options.draft >= PathDeltaDraft::kD4) traits.tells_removals = TellsRemovals::kPrefixes;
  return traits;
}

}  // namespace

PathDeltas::PathDeltas(const PathDeltasOptions& options)
    : Generation({.self_name = options.self_name, .constants = options.constants, .fixed = options.fixed},
                 TraitsOf(options)),
      draft_(options.draft),
      store_(context_),
      structure_rounds_(options.constants.structure_rounds) {}

template <typename Record>
void PathDeltas::Buffer(std::vector<Record>& list, Record record) {
  buffered_bytes_ -= list.capacity() * sizeof(Record);
  list.push_back(std::move(record));
  buffered_bytes_ += list.capacity() * sizeof(Record) + HeapBytes(list.back().path) + HeapBytes(list.back().worker_url);
  ++buffered_;
}

void PathDeltas::OnPlacement(Time /*now*/, Offer offer, Actions& /*actions*/) {
  ++context_.records.local;
  const std::string model = offer.model, key = context_.OwnKey(model);
  Buffer(buffers_[model].inserts,
         PathInsert{
             .path = PathOf(offer.kind, offer.prompt), .worker_url = offer.worker_name, .epoch = store_.Version(key)});
  store_.Append(key, OperationOf(std::move(offer)));
}

void PathDeltas::OnRemoval(Time /*now*/, const Removal& removal, Actions& /*actions*/) {
  if (draft_ >= PathDeltaDraft::kD4)
    Buffer(buffers_[removal.model].evictions,
           PathEviction{.path = PathOf(removal.kind, removal.prompt), .worker_url = removal.worker_name});
  const std::string key = context_.OwnKey(removal.model);
  if (removal.everything) {
    store_.Append(key, OperationOf(removal));
  } else {
    store_.Raise(key, store_.Version(key));  // the gate opens; the counter counts operations
  }
}

void PathDeltas::OnRound(Time /*now*/, Actions& /*actions*/) {
  const Driver::Due due = driver_.Round();
  if (due.checkpoint) store_.Checkpoint();
  if (due.garbage) store_.CollectGarbage();
}

std::vector<Batch> PathDeltas::Collect(Time now, Collector& collector, Actions& /*actions*/) {
  std::vector<Batch> batches(1);
  Batch& batch = batches[0];
  for (auto& [model, records] : std::exchange(buffers_, {})) {
    if (draft_ >= PathDeltaDraft::kD3 && structure_rounds_.Due(collector.peer(), model)) continue;
    const std::string key = context_.OwnKey(model);
    const std::uint64_t version = store_.Version(key);
    const PathDelta delta{.model_id = model,
                          .version = version,
                          .inserts = std::move(records.inserts),
                          .evictions = std::move(records.evictions)};
    batch.Add(TreeEntry(key, kTenantDeltaTag, Encode(delta), version, context_.self_name, now),
              delta.inserts.size() + delta.evictions.size(), false);
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
