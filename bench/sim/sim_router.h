// sim_router.h — one life of one router in the simulator: the real strategy, mesh, index, fleet and policy over the
// simulated Env. What the router process adds (gRPC, hashing of prompts) is not here: prompts come as block ids.
//
// Threads: one. Ownership: borrows world and network; the life ends with the object. Errors: none.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/sim/swarm.h"
#include "impl/env/sim/sim_env.h"
#include "impl/mesh/mesh.h"
#include "impl/route/fleet.h"
#include "impl/route/policy.h"
#include "impl/sync/two_layer/two_layer.h"
#include "impl/tree/block_index.h"

namespace prefixmesh::sim {

std::string RouterName(std::size_t node);
std::string WorkerLabel(std::size_t worker);

// A worker as routers meet it.
struct SimWorker {
  Incarnation incarnation;
};

class SimRouter final : private MeshSink, private StrategyView, private LoadView {
 public:
  struct Parameters {
    std::size_t node = 0;
    std::size_t nodes = 0;
    Incarnation incarnation;
    Time clock_offset{0};
    double clock_rate = 1;
    std::uint64_t seed = 0;
  };
  SimRouter(const Swarm& swarm, const Parameters& parameters, SimWorld& world, SimNetwork& network,
            std::vector<SimWorker>& workers);
  ~SimRouter() override;

  // Routes one prompt: matches, chooses, inserts, tells the mesh. `ids` are its blocks.
  void Place(std::uint16_t scope, std::span<const NodeId> ids);
  void PauseUntil(Time until) { executor_.PauseUntil(until); }
  bool paused() const { return executor_.paused(); }

  const two_layer::TwoLayer& strategy() const { return strategy_; }
  const BlockIndex& index() const { return index_; }
  const Fleet& fleet() const { return fleet_; }
  MeshStats stats() const { return mesh_.Stats(); }

  // Called for each record of the own log, in order, when it is stamped.
  std::function<void(const SimRouter&)> on_stamped;
  // Called for each record of another's log, when the index has it.
  std::function<void(const ApplyIds&)> on_applied;

 private:
  void Apply(ApplyPrompt) override {}
  void Apply(const ApplyIds& action) override;
  void Apply(const RetractIds& action) override;
  void Apply(const RetractBelow& action) override;
  void Apply(const MoveRefreshMark& action) override;
  void Apply(const ApplyLoad& action) override;
  void Apply(const ForgetLoads& action) override;
  void Apply(const ApplyRegister& action) override;

  std::span<const WorkerLoad> Workers() const override;
  std::uint64_t WorkersVersion() const override { return fleet_.version(); }
  std::size_t PeerCount() const override { return peers_.size(); }
  std::string_view PeerName(PeerIndex peer) const override { return peers_[peer.value]; }
  Incarnation NewIncarnation() const override;

  bool Healthy(WorkerIndex worker) const override { return fleet_.healthy(worker); }
  std::uint32_t Load(WorkerIndex worker) const override { return fleet_.load(worker); }

  void Raise(WorkerIndex worker, Incarnation incarnation);

  const Parameters parameters_;
  SimNetwork& network_;
  std::vector<SimWorker>& workers_;
  const std::vector<std::string> peers_;
  SimClock clock_;
  mutable SimRandom random_;
  SimExecutor executor_;
  Fleet fleet_;
  BlockIndex index_;
  two_layer::TwoLayer strategy_;
  Mesh mesh_;
  std::vector<WorkerIndex> candidates_;
  mutable std::vector<WorkerLoad> loads_;
};

}  // namespace prefixmesh::sim
