// simulation.h — start here for `prefixmesh sim` with a strategy on the block index: one seed, from the first event to
// the verdict.
//
//   0 … 60 %    writes and faults             every 250 ms: the rules look (rules/rule.h)
//   60 %        everything heals (with core_only: only a core does, the rest never comes back)
//   60 … 75 %   writes go on
//   75 % …      until all that live hold the same, at most two ages of a dead log and 30 s: else "did not converge"
//   then        one more placement each, seen by all; with two-layer the phases of two_layer_phases.h
//   at the end  the rules' last look
//
// Time is virtual, everything is drawn from the seed: same seed, strategy and options, same trace hash.
// Threads: one per simulation; simulations share nothing. Errors: Outcome::broken is the first rule that broke.
#pragma once

#include <cstdint>
#include <string>

#include "bench/sim/swarm.h"
#include "impl/env/env.h"
#include "impl/router/strategies.h"

namespace prefixmesh::sim {

struct Outcome {
  std::string broken;  // empty: every rule held
  std::uint64_t hash = 0;
  std::uint64_t placements = 0;  // that came to the strategies of the routers that live at the end
  std::uint64_t applied = 0;     // by everyone else
  std::uint64_t frames = 0;
  std::uint64_t lives = 0;
  double converged_after_s = 0;  // since the heal
};

Outcome Simulate(const Swarm& swarm, const StrategyDescription& strategy, std::uint64_t seed, Time duration);

}  // namespace prefixmesh::sim
