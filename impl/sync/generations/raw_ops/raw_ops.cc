#include "impl/sync/generations/raw_ops/raw_ops.h"

#include <utility>

namespace prefixmesh::generations {
namespace {

PolicySyncOptions Common(const RawOpsOptions& options) {
  return {.self_name = options.self_name, .constants = options.constants, .mended = options.mended};
}

}  // namespace

RawOps::RawOps(const RawOpsOptions& options) : OpSync(Common(options), MakeTraits("raw-ops", Common(options))) {}

void RawOps::OnPlacement(Time /*now*/, Offer offer, Actions& /*actions*/) {
  ++records_.local;
  const std::string key = OwnKey(offer.model);
  store_.Append(key, OperationOf(std::move(offer)));
}

}  // namespace prefixmesh::generations
