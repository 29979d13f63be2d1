#include "impl/sync/generations/full_snapshot/full_snapshot.h"

#include <utility>

namespace prefixmesh::generations {
namespace {

constexpr std::string_view kFullSnapshotNames[] = {"full-snapshot", "full-snapshot/b", "checkpoint/a"};

}  // namespace

FullSnapshot::FullSnapshot(const FullSnapshotOptions& options, const TextTreeView& view)
    : Generation({.self_name = options.self_name, .constants = options.constants, .fixed = options.fixed},
                 MakeTraits(kFullSnapshotNames[static_cast<std::size_t>(options.form)], options.constants)),
      form_(options.form),
      view_(view),
      store_(context_) {}

void FullSnapshot::OnPlacement(Time /*now*/, Offer offer, Actions& /*actions*/) {
  ++context_.records.local;
  store_.Bump(context_.OwnKey(offer.model));
}

void FullSnapshot::OnRemoval(Time /*now*/, const Removal& removal, Actions& /*actions*/) {
  store_.Bump(context_.OwnKey(removal.model));
}

void FullSnapshot::OnRound(Time /*now*/, Actions& /*actions*/) {
  const Driver::Due due = driver_.Round();
  if (form_ == FullSnapshotForm::kLive) return;
  if (due.checkpoint) Checkpoint();
  if (due.garbage) CollectGarbage();
}

void FullSnapshot::Checkpoint() {
  view_.SnapshotTextTrees({}, [this](const std::string& model, TreeSnapshot snapshot) {
    const std::string key = context_.OwnKey(model);
    store_.trees().SetBody(key, Encode(snapshot));
    if (form_ == FullSnapshotForm::kCheckpoint) store_.Bump(key);
  });
}

void FullSnapshot::CollectGarbage() {
  store_.trees().DropCounters([this](const std::string& key) { return store_.trees().Body(key) != nullptr; });
}

std::vector<Batch> FullSnapshot::Collect(Time now, Collector& collector, Actions& /*actions*/) {
  if (form_ == FullSnapshotForm::kLive) return CollectLive(now, collector);
  std::vector<Batch> batches;
  for (const auto& [key, body] : store_.trees().bodies()) {
    const std::uint64_t version = Version(key);
    if (version <= collector.LastSent(key) || !ViewTreeSnapshot(AsBytes(body)).ok()) continue;
    batches.push_back(store_.BatchOf(key, body, RecordsIn(body), version, now));
  }
  return batches;
}

std::vector<Batch> FullSnapshot::CollectLive(Time now, const Collector& collector) const {
  std::vector<Batch> batches;
  for (const auto& [key, version] : store_.trees().counters()) {
    // The live tree is never sent under another writer's key (H4 fixed).
    if (version <= collector.LastSent(key) || key != context_.OwnKey(ModelOf(key))) continue;
    view_.SnapshotTextTrees(ModelOf(key),
                            [&, &tree = key, &label = version](const std::string& /*model*/, TreeSnapshot snapshot) {
                              std::string body = Encode(snapshot);
                              const std::uint64_t records = RecordsIn(body);
                              batches.push_back(store_.BatchOf(tree, std::move(body), records, label, now));
                            });
  }
  return batches;
}

}  // namespace prefixmesh::generations
