// sim_router.h — one life of one router with two-layer: the real strategy, mesh, actions, index, fleet and policy over
// the simulated Env. What the router process adds (gRPC, hashing of prompts) is not here: prompts come as block ids.
//
// Threads: one. Ownership: borrows world and network; the life ends with the object. Errors: none.
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "bench/sim/sim_node.h"
#include "bench/sim/swarm.h"
#include "impl/node/block_actions.h"
#include "impl/sync/two_layer/two_layer.h"
#include "impl/tree/block_index.h"

namespace prefixmesh::sim {

// A worker as routers meet it.
struct SimWorker {
  // The worker begins another life.
  void Become(Incarnation next) {
    incarnation = next;
    highest = std::max(highest, next);
  }

  Incarnation incarnation;
  Incarnation highest;  // it ever had
};

class SimRouter final : public SimNode {
 public:
  SimRouter(const Swarm& swarm, const Parameters& parameters, SimWorld& world, SimNetwork& network,
            std::vector<SimWorker>& workers);
  ~SimRouter() override;

  // Routes one prompt: matches, chooses, inserts, tells the mesh. `ids` are its blocks.
  void Place(std::uint16_t scope, std::span<const NodeId> ids);

  const two_layer::TwoLayer& strategy() const { return strategy_; }
  const BlockIndex& index() const { return index_; }
  MeshStats stats() const { return mesh_.Stats(); }

  // Called for each record of the own log, in order, when it is stamped.
  std::function<void(const SimRouter&)> on_stamped;
  // Called for each record of another's log, when the index has it.
  std::function<void(const ApplyIds&)> on_applied;

 private:
  // Those of the router process, and somebody may watch.
  class WatchedActions final : public BlockActions {
   public:
    explicit WatchedActions(SimRouter& router);
    void Apply(const ApplyIds& action) override;
    using BlockActions::Apply;

   private:
    SimRouter& router_;
  };

  // The worker says which life it is in; one below its register is told, and goes above it.
  void Meet(WorkerIndex worker);
  // What the greeter of the router process does when peers know another life: a hello, once a second at most.
  void Check(WorkerIndex worker);

  static constexpr Time kCheckPeriod = std::chrono::seconds(1);
  static constexpr Time kHelloTime = std::chrono::milliseconds(2);

  std::vector<SimWorker>& workers_;
  std::vector<Time> checked_at_;  // by worker; < 0: never
  std::vector<bool> check_posted_;
  BlockIndex index_;
  WatchedActions actions_;
  two_layer::TwoLayer strategy_;
  Mesh mesh_;
};

}  // namespace prefixmesh::sim
