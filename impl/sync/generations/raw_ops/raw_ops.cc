#include "impl/sync/generations/raw_ops/raw_ops.h"

#include <utility>

namespace prefixmesh::generations {
namespace {

PolicySyncOptions Common(const RawOpsOptions& options) {
  return {.self_name = options.self_name,
          .batch_bytes_max = options.batch_bytes_max,
          .checkpoint_rounds = options.checkpoint_rounds,
          .garbage_rounds = options.garbage_rounds,
          .mended = options.mended};
}

StrategyTraits Traits(const PolicySyncOptions& options) {
  StrategyTraits traits = MakeTraits("raw-ops", options);
  traits.offers_before_frames = false;  // as in its recorded runs
  return traits;
}

}  // namespace

RawOps::RawOps(const RawOpsOptions& options) : OpSync(Common(options), Traits(Common(options)), options.store) {}

void RawOps::OnPlacement(Time /*now*/, Offer offer, Actions& /*actions*/) {
  ++records_.local;
  const std::string key = OwnKey(offer.model);
  store_.Append(key, OperationOf(std::move(offer)));
}

}  // namespace prefixmesh::generations
