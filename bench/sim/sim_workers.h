// sim_workers.h — the workers of one simulation, as routers meet them: an incarnation each, up or down.
//
// Threads: one. Ownership: values. Time: the world's, as an argument. Errors, bounds: none.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "impl/base/ids.h"
#include "impl/env/env.h"

namespace prefixmesh::sim {

inline std::string WorkerLabel(std::size_t worker) { return "w" + std::to_string(worker); }

struct SimWorker {
  // Begins another incarnation; what it was serving breaks off.
  void Restart(Time now, Incarnation next) {
    Become(now, next);
    up = true;
    since = now;
    ++starts;
  }
  void Stop(Time now) {
    up = false;
    since = now;
  }
  // Takes another incarnation and goes on.
  void Become(Time now, Incarnation next) {
    incarnation = next;
    incarnation_since = now;
    highest = std::max(highest, next);
    events = 0;
  }

  Incarnation incarnation;
  Incarnation highest;  // it ever had
  bool up = true;
  Time since{0};  // it is up, or down, without a break
  Time incarnation_since{0};
  std::uint64_t starts = 1;
  std::uint64_t events = 0;  // removals that it told in this incarnation
};

struct SimWorkers {
  std::vector<SimWorker> all;
  std::vector<std::string> models;  // that each of them serves
};

}  // namespace prefixmesh::sim
