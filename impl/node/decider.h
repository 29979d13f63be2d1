// decider.h — steps 2 to 4 of a request (docs/walk.md): from its prompt to the worker that it goes to. What RouterNode
// adds is clocks, counters and the request itself.
//
//   hash (TreeScope) → match and insert (tree) → ChooseWorker (policy) → Mesh::Offer
//
// A matched request that its worker is already known to hold allocates nothing (tests/impl/node/decider_test.cc).
// Threads: any. Ownership: borrows all; the prompt for the call. Time: as an argument, for recency only. Errors:
// kNotFound: no such model; kUnavailable: no healthy worker. Bounds: those of the trees and the mesh's queue.
#pragma once

#include <cstdint>

#include "impl/base/result.h"
#include "impl/env/env.h"
#include "impl/env/real/router_handler.h"
#include "impl/mesh/mesh.h"
#include "impl/node/model_table.h"
#include "impl/node/tree_set.h"
#include "impl/route/fleet.h"
#include "impl/route/policy.h"

namespace prefixmesh {

class Decider final : private LoadView {
 public:
  Decider(const PolicyOptions& policy, TreeSet& trees, const ModelTable& models, Fleet& fleet)
      : policy_(policy), trees_(trees), models_(models), fleet_(fleet) {}

  // The request counts as in flight at the worker from here on. `chance` breaks ties; `mesh`: null without sync.
  Result<RouteDecision> Decide(const RouteRequest& request, Time now, std::uint64_t chance, Mesh* mesh);

 private:
  // LoadView
  bool Healthy(WorkerIndex worker) const override { return fleet_.healthy(worker); }
  std::uint32_t Load(WorkerIndex worker) const override { return fleet_.load(worker); }

  const PolicyOptions policy_;
  TreeSet& trees_;
  const ModelTable& models_;
  Fleet& fleet_;
};

}  // namespace prefixmesh
