// rule.h — start here for what must hold in a simulation. A rule looks at the whole mesh from outside and knows no more
// of its routers than what they hold and say; each is a small file:
//
//   core_rules       any strategy: requests in flight, health, choices of a worker
//   removal_rules    no strategy: what a worker dropped does not come back
//   bounds           any strategy: index, queues, frames
//   position_rules   strategies that keep logs: nothing comes back, appears from nowhere or differs from its owner's
//   two_layer_rules  two-layer: registers, budgets, the index as a function of the windows
//
// Threads: one. Ownership: rules keep values. Errors: what broke, as a line. Time: the world's. Bounds: none.
#pragma once

#include <functional>
#include <string>

#include "bench/sim/sim_mesh.h"

namespace prefixmesh::sim {

class Rule {
 public:
  using Broken = std::function<void(std::string what)>;
  virtual ~Rule() = default;

  // A router was given an ApplyIds, its own included.
  virtual void OnApplied(const SimMesh&, std::size_t /*node*/, const ApplyIds&) {}
  // After every step.
  virtual void Step(const SimMesh&, const Broken&) {}
  // What of this rule still keeps the routers from agreement; empty: nothing.
  virtual std::string Differs(const SimMesh&) const { return {}; }
  // All agree, and nobody has been asked anything for a while.
  virtual void End(const SimMesh&, const Broken&) {}
};

}  // namespace prefixmesh::sim
