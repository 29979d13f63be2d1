#include "impl/sync/generations/checkpoint/checkpoint.h"

namespace prefixmesh::generations {
namespace {

constexpr std::string_view kCheckpointNames[] = {"checkpoint/b", "checkpoint/c", "checkpoint/d", "checkpoint"};

ExportForm FormOf(const CheckpointOptions& options) {
  return {.flat = options.form == CheckpointForm::kB,
          .skips_unchanged = options.form >= CheckpointForm::kD,
          .garbage_takes_bodies = options.form == CheckpointForm::kE,
          .compressed_bytes_max = options.form == CheckpointForm::kE ? options.constants.compressed_bytes : UINT64_MAX};
}

}  // namespace

CheckpointSync::CheckpointSync(const CheckpointOptions& options, const TextTreeView& view)
    : Generation({.self_name = options.self_name, .constants = options.constants, .fixed = options.fixed},
                 MakeTraits(kCheckpointNames[static_cast<std::size_t>(options.form)], options.constants)),
      view_(view),
      store_(context_),
      bodies_(context_, store_, FormOf(options)) {}

void CheckpointSync::OnPlacement(Time /*now*/, Offer offer, Actions& /*actions*/) {
  ++context_.records.local;
  store_.Bump(context_.OwnKey(offer.model));
}

void CheckpointSync::OnRemoval(Time /*now*/, const Removal& removal, Actions& /*actions*/) {
  store_.Bump(context_.OwnKey(removal.model));
}

void CheckpointSync::OnRound(Time /*now*/, Actions& /*actions*/) {
  const Driver::Due due = driver_.Round();
  if (due.checkpoint) exported_bytes_ += bodies_.Export(view_);
  if (due.garbage) bodies_.CollectGarbage();
}

std::vector<Batch> CheckpointSync::Collect(Time now, Collector& collector, Actions& actions) {
  std::vector<Batch> batches(1);
  bodies_.Collect(now, collector, batches[0], actions);
  return batches;
}

}  // namespace prefixmesh::generations
