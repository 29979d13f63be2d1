// sim_node.h — what every simulated router has around its strategy and its trees: a clock and a loop of its own,
// workers that are all healthy, a place in the network. A router derives from it and adds the rest.
//
// Threads: one. Ownership: borrows world and network; the life ends with the object. Errors: none. Time: virtual.
#pragma once

#include <string>
#include <vector>

#include "impl/env/sim/sim_env.h"
#include "impl/mesh/mesh.h"
#include "impl/route/fleet.h"
#include "impl/route/policy.h"
#include "impl/sync/generations/text_tree_view.h"

namespace prefixmesh::sim {

inline Time Seconds(double value) { return Time(static_cast<Time::rep>(value * 1e9)); }

std::string RouterName(std::size_t node);
std::string WorkerLabel(std::size_t worker);

class SimNode : protected TextTreeView, protected LoadView {
 public:
  struct Parameters {
    std::size_t node = 0;
    std::size_t nodes = 0;
    Incarnation incarnation;
    Time clock_offset{0};
    double clock_rate = 1;
    std::uint64_t seed = 0;
    double foreign = 0;  // share of the workers that are not this router's own
    bool lies = false;   // claims lives of workers that never were
  };

  void PauseUntil(Time until) { executor_.PauseUntil(until); }
  bool paused() const { return executor_.paused(); }
  const Fleet& fleet() const { return fleet_; }

 protected:
  SimNode(const Parameters& parameters, std::size_t workers, SimWorld& world, SimNetwork& network);

  // The mesh starts and its streams form. Leave before the mesh goes.
  void Join(Mesh& mesh);
  void Leave();
  // A life that this worker never had, above those that were claimed before.
  Incarnation Lie() const { return Incarnation{kWorkerIncarnationMax.value - (1u << 30) + fleet_.version()}; }
  // One request at the worker, 60 ms long.
  void Serve(WorkerIndex worker);

  std::span<const WorkerLoad> Workers() const override;
  std::uint64_t WorkersVersion() const override { return fleet_.version(); }
  std::size_t PeerCount() const override { return peers_.size(); }
  std::string_view PeerName(PeerIndex peer) const override { return peers_[peer.value]; }
  Incarnation NewIncarnation() const override { return Incarnation{random_.Next() | 1}; }

  bool Healthy(WorkerIndex worker) const override { return fleet_.healthy(worker); }
  std::uint32_t Load(WorkerIndex worker) const override { return fleet_.load(worker); }

  const Parameters parameters_;
  SimNetwork& network_;
  const std::vector<std::string> peers_;
  SimClock clock_;
  mutable SimRandom random_;
  SimExecutor executor_;
  Fleet fleet_;
  std::vector<WorkerIndex> candidates_;

 private:
  mutable std::vector<WorkerLoad> loads_;
};

}  // namespace prefixmesh::sim
