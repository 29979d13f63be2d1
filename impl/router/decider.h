// decider.h — steps 2 to 4 of a request (docs/walk.md): from its prompt to the worker that it goes to. What RouterCore
// adds is what became of the request.
//
//   hash (TreeScope) → match and insert (tree) → ChooseWorker (policy) → Mesh::Offer
//
// A matched request that its worker is already known to hold allocates nothing (tests/impl/router/decider_test.cc).
// Threads: any. Ownership: borrows all; the prompt for the call. Time: none. Errors:
// kNotFound: no such model; kUnavailable: no healthy worker. Bounds: those of the trees and the mesh's queue.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "impl/base/result.h"
#include "impl/env/env.h"
#include "impl/mesh/mesh.h"
#include "impl/route/fleet.h"
#include "impl/route/policy.h"
#include "impl/router/model_table.h"
#include "impl/router/route.h"
#include "impl/router/tree_set.h"

namespace prefixmesh {

class Decider {
 public:
  // Turns begin at `first_turn`, so that routers do not go round in step.
  Decider(const PolicyOptions& options, std::uint64_t first_turn, TreeSet& trees, const ModelTable& models,
          Fleet& fleet)
      : options_(options),
        policy_(PolicyOf(options.policy)),
        trees_(trees),
        models_(models),
        fleet_(fleet),
        turns_(first_turn) {}

  // What the policy is told of the moment, besides the loads.
  struct Moment {
    std::uint64_t random_bits = 0;  // breaks ties
    double burst = 1;               // bursts.h
  };
  // The request counts as in flight at the worker from here on. `mesh`: null without sync.
  Result<RouteDecision> Decide(const RouteRequest& request, Moment moment, Mesh* mesh);
  // The same without the hashing: `blocks` are the ids of the prompt's whole blocks.
  Result<RouteDecision> DecideBlocks(const RouteRequest& request, std::span<const NodeId> blocks, Moment moment,
                                     Mesh* mesh);

 private:
  Result<RouteDecision> Place(const RouteRequest& request, const ModelTable::Model& model, const TreeScope& scope,
                              std::span<const NodeId> blocks, Moment moment, Mesh* mesh);
  void Announce(const RouteRequest& request, const TreeScope& scope, std::span<const NodeId> blocks,
                const RouteDecision& decision, const Insertion& insertion, Mesh& mesh);

  const PolicyOptions options_;
  const Policy policy_;
  TreeSet& trees_;
  const ModelTable& models_;
  Fleet& fleet_;
  std::atomic<std::uint64_t> turns_;
};

}  // namespace prefixmesh
