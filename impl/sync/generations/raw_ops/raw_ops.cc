#include "impl/sync/generations/raw_ops/raw_ops.h"

#include <utility>

namespace prefixmesh::generations {

RawOps::RawOps(const RawOpsOptions& options)
    : Generation({.self_name = options.self_name, .constants = options.constants, .fixed = options.fixed},
                 MakeTraits("raw-ops", options.constants)),
      store_(context_) {}

void RawOps::OnPlacement(Time /*now*/, Offer offer, Actions& /*actions*/) {
  ++context_.records.local;
  const std::string key = context_.OwnKey(offer.model);
  store_.Append(key, OperationOf(std::move(offer)));
}

void RawOps::OnRemoval(Time /*now*/, const Removal& removal, Actions& /*actions*/) {
  store_.Append(context_.OwnKey(removal.model), OperationOf(removal));
}

void RawOps::OnRound(Time /*now*/, Actions& /*actions*/) {
  const Driver::Due due = driver_.Round();
  if (due.checkpoint) store_.Checkpoint();
  if (due.garbage) store_.CollectGarbage();
}

std::vector<Batch> RawOps::Collect(Time now, Collector& collector, Actions& /*actions*/) {
  std::vector<Batch> batches(1);
  store_.Collect(collector, now, batches[0]);
  return batches;
}

}  // namespace prefixmesh::generations
