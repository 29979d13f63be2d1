// sim_mesh.h — the routers of one simulation, the workers behind them, what they are asked, and the faults that are
// injected. What must hold meanwhile is not its business (rules/).
//
// Time is virtual; everything is drawn from the seed. Threads: one. Ownership: owns routers, workers and network.
// Errors: none.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bench/sim/sim_router.h"
#include "bench/sim/swarm.h"
#include "impl/base/prng.h"
#include "impl/router/strategies.h"

namespace prefixmesh::sim {

// Less than usual, so that a run of some minutes sees idle workers have their turns (HealthOptions).
inline constexpr std::uint32_t kIdlePeriods = 1;
// Within so many periods every idle worker has its turn at every router, also when the turns have just been moved.
inline double IdlePeriods(const Swarm& swarm) { return 2 * kIdlePeriods * swarm.routers; }

// A router of this swarm, but for what SimRouter fills in.
RouterCoreOptions OptionsOf(const Swarm& swarm, const StrategyDescription& strategy, std::uint64_t seed,
                            std::size_t node);

class SimMesh {
 public:
  // `strategy` runs on the block index.
  SimMesh(const Swarm& swarm, const StrategyDescription& strategy, std::uint64_t seed);

  // Starts every router, and what lasts from the start: a slow reader, a cut with a bridge, a split.
  void StartAll();
  // The writes, worker restarts and removals of the next `step`.
  void Load(Time step);
  // The faults of the next `step`.
  void Faults(Time step);
  // Ends all faults and starts who is down; with core_only the rest goes for good.
  void Heal();
  void CutBoth(std::size_t a, std::size_t b);
  void HealPair(std::size_t a, std::size_t b);
  void RunUntil(Time at) { world_.RunUntil(at); }

  Time now() const { return world_.now(); }
  std::size_t nodes() const { return nodes_; }
  SimRouter* router(std::size_t node) const { return routers_[node].get(); }  // null: it is down
  // Lives, and is to agree with all others that do.
  bool counts(std::size_t node) const { return routers_[node] && member_[node] && !gone_for_good(node); }
  bool member(std::size_t node) const { return member_[node]; }  // not a stranger, whom all refuse
  std::uint64_t life(std::size_t node) const { return life_of_[node]; }
  std::uint64_t lives() const { return lives_begun_; }
  Incarnation incarnation(std::size_t node) const { return incarnation_of_[node]; }  // it was started with
  std::size_t workers() const { return workers_.all.size(); }
  const SimWorker& worker(std::size_t worker) const { return workers_.all[worker]; }
  bool lies(std::size_t node) const { return swarm_.liar != 0 && node == liar() && !healed_; }
  const SimNetwork& network() const { return network_; }
  const Swarm& swarm() const { return swarm_; }
  bool runs_two_layer() const { return strategy_.name == "two-layer"; }
  // Frames are only ever delayed: none is lost, repeated or damaged.
  bool frames_are_safe() const;
  // Two routers had one incarnation: nothing can be said of what they wrote under it.
  bool cloned(const std::string& router, Incarnation incarnation) const {
    return clones_.count({router, incarnation}) > 0;
  }
  // The prompts of which some are placed again: scope and blocks.
  const std::vector<std::pair<std::uint16_t, std::vector<NodeId>>>& placed() const { return placed_; }
  // An id that nobody drew before.
  NodeId DrawId() { return NodeId{load_.Next() | 1}; }

  // Called when the router at `node` was given an ApplyIds, its own included.
  std::function<void(std::size_t node, const ApplyIds&)> on_applied;

 private:
  std::size_t liar() const { return nodes_ - 2; }
  bool gone_for_good(std::size_t node) const { return !core_.empty() && !core_[node]; }
  bool Fires(double rate, Time step) { return faults_.Unit() < rate * std::chrono::duration<double>(step).count(); }
  void Start(std::size_t node, bool same_incarnation);
  void Crash(std::size_t node, bool clone);
  void Split(Time length);
  void Place(std::size_t node);
  void Removals(Time step);
  // The worker tells its routers, each a while later. Only where there is no sync, or a strategy that tells removals:
  // the index of another is what its records say (two_layer_rules.h).
  void Tell(std::size_t worker, Removal removal);
  // The incarnation under which it writes now: a strategy may have taken another than it was started with.
  Incarnation OwnIncarnation(std::size_t node) const;

  const Swarm swarm_;
  const StrategyDescription strategy_;
  const std::uint64_t seed_;
  const std::size_t nodes_;
  Prng faults_, load_, lives_, removals_;
  SimWorld world_;
  SimNetwork network_;
  SimWorkers workers_;
  std::vector<std::unique_ptr<SimRouter>> routers_;
  std::vector<std::uint64_t> life_of_;
  std::uint64_t lives_begun_ = 0;
  std::vector<Incarnation> incarnation_of_;
  std::vector<bool> member_, core_;
  bool healed_ = false;
  std::vector<std::pair<std::uint16_t, std::vector<NodeId>>> placed_;
  std::set<std::pair<std::string, Incarnation>> clones_;
};

}  // namespace prefixmesh::sim
