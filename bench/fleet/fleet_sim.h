// fleet_sim.h — start here for `prefixmesh fleet`: a scenario's routers and workers on virtual time, for sizes
// that no machine here could run, and for what the user feels: latency, and who waited for what.
//
//   plan (loadgen/plan) ─► RouterCore (impl/router) ─► ServiceModel (loadgen/worker)
//                             ▲ strategy, over SimNetwork (impl/env/sim)
//
// What decides is what runs: the router core with its policy, the strategy and its frames, health checks, the worker
// model. What is not there: the processes' own time, so a decision, a frame and a forwarded byte cost nothing, and what
// a request lasts is the network's hops, its line at the worker, prefill and decode. Nobody gives up waiting, and there
// are no faults; a scenario with some is refused.
//
// Threads: one. Time: virtual. Deterministic: same plan, settings and strategy, same figures. Errors: settings that the
// router refuses, and faults. Bounds: an hour after the last request; the plan's requests; the indexes' budgets and the
// workers' caches. Cost: a few seconds of CPU for a minute of 8 routers and 240 workers.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "impl/base/result.h"
#include "impl/route/policy.h"
#include "impl/router/strategies.h"
#include "loadgen/plan/plan.h"
#include "loadgen/record/histogram.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::bench {

// What one run was like. Of the requests of the load phase, unless it says otherwise.
struct FleetFigures {
  std::uint64_t requests = 0;           // whose prefill ended
  std::uint64_t failed = 0;             // no worker was there, or none of that within an hour
  std::uint64_t good = 0;               // served as settings.goodput asks
  load::Histogram latency_us, ttft_us;  // from the intended time on
  std::uint64_t prompt_bytes = 0, cached_bytes = 0;
  std::uint64_t again_bytes = 0;   // prefilled although some worker had them
  std::uint64_t repeat_bytes = 0;  // of prompts, that came before, at any worker: the most that can be cached
  double load_cov = 0;             // of requests per worker
  std::uint32_t queue_max = 0;     // requests at one worker, running and waiting
  std::uint64_t idle_workers = 0;  // that served none
  std::array<std::uint64_t, kDecisionReasonCount> decisions{};
  // Of all routers, over the whole run.
  std::uint64_t sync_bytes = 0, sync_messages = 0, health_checks = 0;

  double goodput_share() const;
  double cached_share() const;
  double again_share() const;
  double repeat_share() const;
};

struct FleetOptions {
  // One router that sees everything, in place of the scenario's.
  bool one_router = false;
  std::uint64_t seed = 1;
};

Result<FleetFigures> RunFleet(const load::Plan& plan, const load::Settings& settings,
                              const StrategyDescription& strategy, const FleetOptions& options);

}  // namespace prefixmesh::bench
