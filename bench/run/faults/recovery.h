// recovery.h — one question about a mesh after a fault: how long until `who` (all routers, or one) has what the others
// had written up to a moment, and what did it cost?
//
// Positions are polled while the question is open, and not otherwise. Of what was built meanwhile nothing is taken off:
// the load goes on, so its placements are among the bytes.
//
// Threads: the run's loop. Time: the monotonic clock; durations are from Begin to the answer that showed it. Ownership:
// borrows the cluster, the sampler and the readings. Errors: what was not reached or could not be asked is a reading
// without a number, with the reason. Bounds: one head per log.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <vector>

#include "bench/run/cluster.h"
#include "bench/run/convergence.h"
#include "bench/run/sampler.h"
#include "impl/figures/figure.h"
#include "impl/figures/router_report.h"

namespace prefixmesh::bench {

// Where every router stands, in the order of the cluster; one that does not run has not answered.
struct Positions {
  std::vector<bool> answered;
  std::vector<v1::SyncPositions> of;
};
Positions AskPositions(const Cluster& cluster);

class Recovery {
 public:
  using Clock = std::chrono::steady_clock;

  // Of `figures` it sets records, connected_after_ms, complete_after_ms, built_bytes.* and built_total_bytes.
  Recovery(const Cluster& cluster, Sampler& sampler, std::span<const Figure> figures, Readings& readings,
           std::optional<std::size_t> who);

  // What is asked for is what is written now. `before` are the routers' reports of now.
  void Open(std::vector<RouterReport> before, const Positions& now);
  // The clock runs from here.
  void Begin() { since_ = Clock::now(); }
  void Look(const Positions& now, Clock::time_point at);
  void Close() { open_ = false; }

  bool open() const { return open_; }
  double MsSinceBegin() const;

 private:
  const Figure& Row(std::string_view path) const;
  void SetAll(std::string_view reason);

  const Cluster& cluster_;
  Sampler& sampler_;
  const std::span<const Figure> figures_;
  Readings& readings_;
  const std::optional<std::size_t> who_;
  bool open_ = false, connected_ = false, complete_ = false;
  Clock::time_point since_;
  Heads heads_;
  std::vector<RouterReport> before_;
};

}  // namespace prefixmesh::bench
