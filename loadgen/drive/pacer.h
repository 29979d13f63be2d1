// pacer.h — the open loop itself: each request starts at its planned time, whatever the servers do.
//
// For each request: prepare (build it ahead of time), sleep to its intended time, send. A send that comes after `end`
// is not made: it and all after it are dropped. Nothing here waits for an answer, so the server cannot slow it down;
// only the machine can, and that is what the schedule delay measures.
//
// Threads: the caller's. Time: `pace` is the only clock, absolute; intended times are relative to `epoch`. A test gives
// a virtual one. Errors: none. Bounds: none kept.
#pragma once

#include <cstddef>
#include <span>

#include "impl/base/function_ref.h"
#include "impl/env/env.h"
#include "loadgen/plan/plan.h"

namespace prefixmesh::load {

class Pace {
 public:
  virtual ~Pace() = default;
  virtual Time Now() = 0;
  virtual void SleepUntil(Time when) = 0;
};

struct PacedSend {
  std::size_t index = 0;  // of the plan
  Time woke{-1};          // from the epoch, when the sleep ended; negative if there was no time to sleep
  Time now{0};            // from the epoch, just before the send
};

// Returns the index of the first request that was dropped, or requests.size().
std::size_t RunPacing(std::span<const PlannedRequest> requests, Time epoch, Time end, Pace& pace,
                      FunctionRef<void(std::size_t)> prepare, FunctionRef<void(const PacedSend&)> send);

}  // namespace prefixmesh::load
