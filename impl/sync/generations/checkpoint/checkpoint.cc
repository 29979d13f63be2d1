#include "impl/sync/generations/checkpoint/checkpoint.h"

namespace prefixmesh::generations {
namespace {

PolicySyncOptions Common(const CheckpointOptions& options) {
  return {.self_name = options.self_name, .constants = options.constants, .mended = options.mended};
}

constexpr std::string_view kCheckpointNames[] = {"checkpoint/b", "checkpoint/c", "checkpoint/d", "checkpoint"};

ExportForm FormOf(const CheckpointOptions& options) {
  return {.flat = options.form == CheckpointForm::kB,
          .skips_unchanged = options.form >= CheckpointForm::kD,
          .garbage_takes_bodies = options.form == CheckpointForm::kE,
          .compressed_bytes_max = options.form == CheckpointForm::kE ? options.constants.compressed_bytes : UINT64_MAX};
}

}  // namespace

CheckpointSync::CheckpointSync(const CheckpointOptions& options, const TextTreeView& view)
    : Lz4Sync(Common(options), MakeTraits(kCheckpointNames[static_cast<std::size_t>(options.form)], Common(options)),
              FormOf(options)),
      view_(view) {}

void CheckpointSync::OnPlacement(Time /*now*/, Offer offer, Actions& /*actions*/) {
  ++records_.local;
  store_.Bump(OwnKey(offer.model));
}

void CheckpointSync::Checkpoint(Time /*now*/) { exported_bytes_ += Export(view_); }

}  // namespace prefixmesh::generations
