#include "impl/sync/generations/full_snapshot/full_snapshot.h"

#include <utility>

namespace prefixmesh::generations {
namespace {

PolicySyncOptions Common(const FullSnapshotOptions& options) {
  return {.self_name = options.self_name, .constants = options.constants, .mended = options.mended};
}

constexpr std::string_view kFullSnapshotNames[] = {"full-snapshot", "full-snapshot/b", "checkpoint/a"};

}  // namespace

FullSnapshot::FullSnapshot(const FullSnapshotOptions& options, const TextTreeView& view)
    : SnapshotSync(Common(options),
                   MakeTraits(kFullSnapshotNames[static_cast<std::size_t>(options.form)], Common(options))),
      form_(options.form),
      view_(view) {}

void FullSnapshot::OnPlacement(Time /*now*/, Offer offer, Actions& /*actions*/) {
  ++records_.local;
  Bump(OwnKey(offer.model));
}

void FullSnapshot::Checkpoint(Time /*now*/) {
  if (form_ == FullSnapshotForm::kLive) return;
  view_.SnapshotTextTrees({}, [this](const std::string& model, TreeSnapshot snapshot) {
    const std::string key = OwnKey(model);
    trees_.SetBody(key, Encode(snapshot));
    if (form_ == FullSnapshotForm::kCheckpoint) Bump(key);
  });
}

void FullSnapshot::CollectGarbage() {
  if (form_ == FullSnapshotForm::kLive) return;
  trees_.DropCounters([this](const std::string& key) { return trees_.Body(key) != nullptr; });
}

std::vector<Batch> FullSnapshot::Collect(Time now, Collector& collector, Actions& /*actions*/) {
  std::vector<Batch> batches;
  if (form_ == FullSnapshotForm::kLive) {
    for (const auto& [key, version] : trees_.counters()) {
      // The live tree is never sent under another writer's key (H4 mended).
      if (version <= collector.LastSent(key) || key != OwnKey(ModelOf(key))) continue;
      view_.SnapshotTextTrees(ModelOf(key),
                              [&, &tree = key, &label = version](const std::string& /*model*/, TreeSnapshot snapshot) {
                                std::string body = Encode(snapshot);
                                const std::uint64_t records = RecordsIn(body);
                                batches.push_back(BatchOf(tree, std::move(body), records, label, now));
                              });
    }
    return batches;
  }
  for (const auto& [key, body] : trees_.bodies()) {
    if (Version(key) <= collector.LastSent(key)) continue;
    if (ViewTreeSnapshot(AsBytes(body)).ok()) batches.push_back(BatchOf(key, body, RecordsIn(body), Version(key), now));
  }
  return batches;
}

}  // namespace prefixmesh::generations
