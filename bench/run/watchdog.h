// watchdog.h — which process of a run says nothing any more. It may be slow to answer under load; one that is silent
// for kMax hangs or was stopped, and the run ends with its name.
//
// Threads: the run's loop. Time: seconds of the sampler; the workers' pulse has its own clock. Ownership: borrows the
// cluster. Errors: kTimeout with the name. Bounds: a time per router.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/run/cluster.h"
#include "bench/run/router_client.h"
#include "bench/run/sampler.h"

namespace prefixmesh::bench {

class Watchdog {
 public:
  static constexpr double kMax_s = 30;

  explicit Watchdog(const Cluster& cluster) : cluster_(cluster) {}

  // All processes serve.
  void Begin();
  // The generator has something to say every second from now on, or no more.
  void ArmLoad(double at_s) { load_heard_s_ = at_s; }
  void DisarmLoad() { load_heard_s_.reset(); }
  void HeardLoad(double at_s) {
    if (load_heard_s_.has_value()) load_heard_s_ = at_s;
  }
  void HeardRouter(std::size_t i, double at_s) { answered_s_[i] = at_s; }

  // After every sample. A router that is stopped on purpose, or does not run yet, may be silent.
  Status Check(const Sample& now);

 private:
  const Cluster& cluster_;
  std::vector<double> answered_s_;  // when each router was last heard
  std::optional<double> load_heard_s_;
  std::unique_ptr<WorkerPulse> workers_;
};

}  // namespace prefixmesh::bench
