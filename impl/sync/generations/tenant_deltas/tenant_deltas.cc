#include "impl/sync/generations/tenant_deltas/tenant_deltas.h"

#include <utility>

#include "impl/sync/generations/offers.h"
#include "impl/wire/path_hash.h"

namespace prefixmesh::generations {
namespace {

constexpr std::string_view kTenantDeltasNames[] = {"tenant-deltas/d5", "tenant-deltas/d6", "tenant-deltas/d7",
                                                   "tenant-deltas/d8", "tenant-deltas"};
constexpr std::uint64_t kEverywhere = 0;  // the hash of no prompt

StrategyTraits TraitsOf(const TenantDeltasOptions& options) {
  StrategyTraits traits = MakeTraits(kTenantDeltasNames[static_cast<std::size_t>(options.draft)], options.constants);
  traits.tells_removals = TellsRemovals::kPrefixes;
  return traits;
}

// The merged form exports nothing, but sends the lists of older peers on.
ExportForm FormOf(const TenantDeltasOptions& options) {
  const TenantDeltaDraft draft = options.draft;
  ExportForm form;
  form.flat = draft == TenantDeltaDraft::kD5;
  form.skips_unchanged = draft >= TenantDeltaDraft::kD7;
  form.garbage_takes_bodies = draft == TenantDeltaDraft::kD7 || draft == TenantDeltaDraft::kD8;
  if (draft >= TenantDeltaDraft::kD7) form.compressed_bytes_max = options.constants.compressed_bytes;
  return form;
}

}  // namespace

TenantDeltas::TenantDeltas(const TenantDeltasOptions& options, const TextTreeView& view)
    : Generation({.self_name = options.self_name, .constants = options.constants, .fixed = options.fixed},
                 TraitsOf(options)),
      choices_(options),
      view_(view),
      store_(context_),
      bodies_(context_, store_, FormOf(options)),
      structure_rounds_(options.constants.structure_rounds) {}

std::optional<Offer> TenantDeltas::Capture(const PlacementView& placement) const {
  // Token paths owned their tokens before they hashed them, placements by load their prompt; before d8 all did.
  const bool copies = placement.kind == Kind::kTokens || placement.by_load || choices_.draft <= TenantDeltaDraft::kD7;
  Offer offer = copies ? CopyOf(placement) : Offer{};
  offer.model = ModelName(placement);
  offer.kind = placement.kind;
  offer.worker_name = placement.worker_name;
  offer.by_load = placement.by_load;
  if (placement.kind == Kind::kTokens) {
    offer.ids = {NodeId{PathHash(Slices(AsBytes(offer.prompt)))}};
  } else {
    offer.ids = {NodeId{PathHash(*placement.prompt)}};
    if (placement.by_load && indexes_by_load()) return offer;
  }
  std::string matched;
  if (placement.kind == Kind::kText && !placement.by_load) placement.prompt->CopyTo(matched, placement.matched_bytes);
  offer.prompt.swap(matched);  // an assignment might keep the whole prompt's memory
  return offer;
}

void TenantDeltas::OnPlacement(Time /*now*/, Offer offer, Actions& /*actions*/) {
  ++context_.records.local;
  const std::uint64_t hash = offer.ids.front().value;
  if (offer.kind == Kind::kText && (!offer.by_load || indexes_by_load())) index_.Put(hash, std::move(offer.prompt));

  const std::string key = context_.OwnKey(offer.model);
  buffers_.Add(offer.model,
               TenantInsert{.hash = hash, .worker_url = std::move(offer.worker_name), .epoch = store_.Version(key)});
  store_.Bump(key);
}

void TenantDeltas::OnRemoval(Time /*now*/, const Removal& removal, Actions& /*actions*/) {
  const std::uint64_t hash = removal.everything ? kEverywhere : PathHash(Slices(AsBytes(removal.prompt)));
  buffers_.Add(removal.model, TenantEviction{.hash = hash, .worker_url = removal.worker_name});
  store_.Bump(context_.OwnKey(removal.model));
}

void TenantDeltas::OnRound(Time /*now*/, Actions& /*actions*/) {
  const Driver::Due due = driver_.Round();
  if (due.checkpoint && is_draft()) bodies_.Export(view_);  // as merged, an empty body
  if (due.garbage) bodies_.CollectGarbage();
  index_age_ += traits().round_period;
  if (index_age_ < choices_.text_eviction_period) return;
  index_age_ = Time{0};
  context_.trims.Add(Trim::kIndexCap, index_.ClearIfAbove(choices_.text_chars_max));
}

void TenantDeltas::StreamEnded(PeerIndex peer) {
  structure_rounds_.PeerDown(peer);
  buffers_.PutBack(peer);
}

// ---- sending --------------------------------------------------------------------------------------------------------

std::vector<Batch> TenantDeltas::Collect(Time now, Collector& collector, Actions& actions) {
  std::vector<Batch> batches(1);
  Batch& batch = batches[0];
  buffers_.PutBack(collector.peer());  // nothing is acknowledged any more: the queue was full
  // Taken out before anything is known of the send: what is refused or finds the queue full is gone (W5).
  for (auto& [model, records] : buffers_.TakeAll()) {
    if (is_draft() && structure_rounds_.Due(collector.peer(), model)) continue;
    const std::string key = context_.OwnKey(model);
    const std::uint64_t version = store_.Version(key);
    if (context_.Fixes(Hazard::kMarkedUnheard)) buffers_.KeepUnderWay(collector.peer(), key, records);
    const std::size_t count = records.size();
    const TenantDelta delta{.model_id = model,
                            .version = version,
                            .inserts = std::move(records.inserts),
                            .evictions = std::move(records.evictions)};
    batch.Add(TreeEntry(key, kTenantDeltaTag, Encode(delta), version, context_.self_name, now), count, false);
  }
  // A body at the version of a delta of the same tick, or of an earlier one, counts as sent (X8).
  bodies_.Collect(now, collector, batch, actions);
  return batches;
}

std::vector<StoreEntry> TenantDeltas::Snapshot(Time now) {
  return is_draft() ? bodies_.Snapshot(now) : std::vector<StoreEntry>();
}

// ---- receiving ------------------------------------------------------------------------------------------------------

Result<Checked> TenantDeltas::Check(const Arrival& arrival) {
  const std::string_view tag = arrival.envelope.policy_type;
  const bool reads_bodies = choices_.draft != TenantDeltaDraft::kD5 || arrival.role == StreamRole::kServer;
  if (tag == kTreeStateLz4Tag && !reads_bodies) return Checked{};
  if (tag != kTenantDeltaTag) return bodies_.Check(arrival);
  const Result<TenantDeltaView> delta = ViewTenantDelta(arrival.envelope.config);
  if (!delta.ok()) return delta.error();
  return Checked{delta->inserts + delta->evictions,
                 [this, key = arrival.key, taken = *delta](Actions& actions) -> Status {
                   Receive(key, taken, actions);
                   return {};
                 }};
}

void TenantDeltas::Receive(const std::string& key, const TenantDeltaView& delta, Actions& actions) {
  RecordCounts& records = context_.records;
  if (is_draft() && delta.version <= store_.Version(key)) {
    records.stale += delta.inserts + delta.evictions;
    return;
  }
  delta.ForEachInsert([&](std::uint64_t hash, std::string_view url, std::uint64_t) {
    const std::string* prefix = index_.Find(hash);
    ++(prefix == nullptr ? records.unresolved : records.applied);
    if (prefix != nullptr)
      actions.push_back(ApplyPrompt{.model = std::string(delta.model_id),
                                    .kind = Kind::kText,
                                    .prompt = *prefix,
                                    .worker_name = std::string(url)});
  });
  delta.ForEachEviction([&](std::uint64_t hash, std::string_view url) {
    ++(hash != kEverywhere ? records.unresolved : records.applied);
    if (hash == kEverywhere)
      actions.push_back(ForgetTenant{.model = std::string(delta.model_id), .worker_name = std::string(url)});
  });
  store_.Raise(key, delta.version);  // whatever of it was applied (W10)
}

void TenantDeltas::AddBuffers(StrategyReport& report) const {
  report.Add("tenant_deltas", buffers_.bytes(), buffers_.records());
  report.Add("path_index", index_.bytes(), index_.entries());
  report.Add("tree_configs", store_.blob_bytes(), store_.blobs());
}

}  // namespace prefixmesh::generations
