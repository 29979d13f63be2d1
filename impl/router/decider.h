// decider.h — steps 2 to 4 of a request (docs/walk.md): from its prompt to the worker that it goes to. What RouterCore
// adds is what became of the request.
//
//   hash (TreeScope) → match and insert (tree) → ChooseWorker (policy) → Mesh::Offer
//
// A matched request that its worker is already known to hold allocates nothing (tests/impl/router/decider_test.cc).
// Threads: any. Ownership: borrows all; the prompt for the call. Time: none. Errors:
// kNotFound: no such model; kUnavailable: no healthy worker. Bounds: those of the trees and the mesh's queue.
#pragma once

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

class Decider final : private LoadView {
 public:
  Decider(const PolicyOptions& policy, TreeSet& trees, const ModelTable& models, Fleet& fleet)
      : policy_(policy), trees_(trees), models_(models), fleet_(fleet) {}

  // The request counts as in flight at the worker from here on. `random_bits` breaks ties; `mesh`: null without sync.
  Result<RouteDecision> Decide(const RouteRequest& request, std::uint64_t random_bits, Mesh* mesh);
  // The same without the hashing: `blocks` are the ids of the prompt's whole blocks.
  Result<RouteDecision> DecideBlocks(const RouteRequest& request, std::span<const NodeId> blocks,
                                     std::uint64_t random_bits, Mesh* mesh);

 private:
  Result<RouteDecision> Place(const RouteRequest& request, const ModelTable::Model& model, const TreeScope& scope,
                              std::span<const NodeId> blocks, std::uint64_t random_bits, Mesh* mesh);
  void Announce(const RouteRequest& request, const TreeScope& scope, std::span<const NodeId> blocks,
                const RouteDecision& decision, const Insertion& insertion, Mesh& mesh);

  // LoadView
  bool Healthy(WorkerIndex worker) const override { return fleet_.healthy(worker); }
  std::uint32_t Load(WorkerIndex worker) const override { return fleet_.load(worker); }

  const PolicyOptions policy_;
  TreeSet& trees_;
  const ModelTable& models_;
  Fleet& fleet_;
};

}  // namespace prefixmesh
