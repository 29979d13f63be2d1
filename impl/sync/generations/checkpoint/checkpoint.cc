#include "impl/sync/generations/checkpoint/checkpoint.h"

#include <utility>

#include "impl/wire/tree_snapshot.h"

namespace prefixmesh::generations {
namespace {

PolicySyncOptions Common(const CheckpointOptions& options) {
  return {.self_name = options.self_name, .batch_bytes_max = options.batch_bytes_max, .mended = options.mended};
}

constexpr std::string_view kNames[] = {"checkpoint/b", "checkpoint/c", "checkpoint/d", "checkpoint"};

}  // namespace

CheckpointSync::CheckpointSync(const CheckpointOptions& options, const StrategyView& view)
    : Lz4Sync(Common(options), MakeTraits(kNames[static_cast<std::size_t>(options.form)], Common(options)),
              options.form == CheckpointForm::kE ? options.compressed_bytes_max : UINT64_MAX),
      form_(options.form),
      view_(view) {}

void CheckpointSync::OnPlacement(Time /*now*/, Offer offer, Actions& /*actions*/) {
  ++records_.local;
  store_.Bump(OwnKey(offer.model));
}

void CheckpointSync::Checkpoint(Time /*now*/) {
  if (form_ >= CheckpointForm::kD && records_.local == placements_exported_) return;
  view_.SnapshotTextTrees({}, [this](const std::string& model, TreeSnapshot snapshot) {
    const std::string key = OwnKey(model);
    std::string body = Encode(snapshot);
    if (form_ == CheckpointForm::kB) {
      Result<std::string> flat =
          EncodeFlat(*ViewTreeSnapshot(AsBytes(body)), model, store_.Version(key) + 1, store_.operations_max());
      if (!flat.ok()) return;
      body = std::move(*flat);
    }
    exported_bytes_ += body.size();
    store_.SetSnapshot(key, std::move(body));
    store_.Bump(key);
  });
  placements_exported_ = records_.local;
}

}  // namespace prefixmesh::generations
