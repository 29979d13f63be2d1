// path_deltas.h — the strategy "tenant-deltas/d2": the draft of the seventh generation (#1011, 3da2d6728 and 1e5c0dffa)
// whose records carried the whole prompt. Every record that arrives resolves: beside the merged form it separates what
// eight bytes cost in convergence from what they save.
//
//   placement   {prompt, url, counter before it} into the model's buffer, and an operation with the same prompt into
//               pending: it is kept twice
//   tick        the model's buffer is taken out, whatever becomes of it, and sent to this one stream. A tree whose
//               buffer another stream took gets what raw-ops sends: deltas or full states from pending (op_sync.h)
//   received    every text path is inserted for its url, whatever the versions say; paths of tokens are skipped;
//               evictions, which nobody sent, are ignored
//   10 rounds   pending into the list, as in raw-ops
//
// Chosen where the history is silent: pending, checkpoints and snapshots are those of #961, from which the draft was
// branched; tokens in a path are parted by commas; a token path counts as unresolved.
//
// Threads, order, ownership, errors: strategy.h. Bounds: those of raw-ops, and none on the buffers while no peer is
// connected (historical). Records and layers: tenant_deltas.h.
// Source: specification of the generations, §2.9.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "impl/sync/generations/op_sync.h"
#include "impl/wire/path_delta.h"

namespace prefixmesh::generations {

struct PathDeltasOptions {
  std::string self_name = {};
  std::uint64_t batch_bytes_max = 10u << 20;
  HazardSet mended = {};
};

class PathDeltas final : public OpSync {
 public:
  explicit PathDeltas(const PathDeltasOptions& options);

  std::optional<Offer> Capture(const PlacementView& placement) const override { return CopyOf(placement); }
  void OnPlacement(Time now, Offer offer, Actions& actions) override;

 private:
  std::vector<Batch> Collect(Time now, Collector& collector, Actions& actions) override;
  void Checkpoint(Time /*now*/) override { store_.Checkpoint(); }
  Result<Checked> Check(const Arrival& arrival) override;
  void AddBuffers(StrategyReport& report) const override;

  std::map<std::string, std::vector<PathInsert>> buffers_;  // by model
  std::uint64_t buffered_ = 0;                              // records
  std::uint64_t buffered_bytes_ = 0;
};

}  // namespace prefixmesh::generations
