// visibility.h — how long until a placement learned on one router changes what another one answers.
//
// For a seeded share of the load's requests: shortly before the send, the prompt is registered at every other router
// (ProbeOpen → handle) and one Probe tells what that router already knows. From the moment the reply's Routed message
// arrived, the handle is polled without a body: every 0.5 ms for 100 ms, then every 10 ms up to 5 s, until the worker's
// depth reaches the prompt's whole blocks. A (request, router) pair whose depth was full before the send is counted
// apart. A router that is late is not asked: what it lacks when it starts is another question. Polls never overlap; a
// slow answer moves the next one.
//
// Threads: a prober thread and gRPC's; OnPlaced from any. Time: from the epoch of the run. Ownership: borrows the plan.
// Errors: a pair whose calls fail is counted as failed. Bounds: samples x routers entries; the routers keep at most
// 4,096 handles and ours are closed when done.
#pragma once

#include <memory>
#include <vector>

#include "impl/base/result.h"
#include "loadgen/drive/driver.h"
#include "loadgen/drive/visibility_counts.h"

namespace prefixmesh::load {

class VisibilityProber : public PlacedListener {
 public:
  static Result<std::unique_ptr<VisibilityProber>> Connect(const Plan& plan, const Settings& settings,
                                                           const std::vector<RouterAddress>& routers, Time timeout);
  virtual void Start(Time epoch) = 0;
  // Ends the probing of what is still open (counted as never visible if it was routed more than 5 s ago, else left out
  // as not learned) and returns the counts. Call when the load is done; waits up to 5 s for polls that still run.
  virtual VisibilityCounts Finish() = 0;
};

}  // namespace prefixmesh::load
