// oracle.h — start here for the model of a run: what a plan's requests would find cached, with the run's routers and
// workers on a virtual clock. ladder.h asks it for world after world.
//
// The same router core (impl/router) and the same worker model (loadgen/worker) as a real run, and no network. With one
// router, which sees all the traffic, it is the best any sync could do: the oracle. A test holds that against a real
// one-router run, within one point. With several, each has an index of its own and serves what the plan sends it; the
// others learn of a placement after a delay, or never (Visibility).
//
// It serves every request of the plan and counts those that the run counts: of the load phase, and answered. Requests
// fail where prompts are long and nothing of them is cached, so over the survivors alone every share is better, and
// only the same survivors compare.
//
// Routers that learn of placements see the loads of all workers at once, as two-layer nearly does; those that never do
// see their own requests only. What the model has not: faults, strategies that pass on a part of a prompt.
//
// Threads: one. Time: virtual. Deterministic: same plan, records and options, same answer. Cost: half a second of CPU
// for 7,000 prompts of 80,000 bytes. Bounds: the indexes' budgets, the workers' caches, and the
// placements that are not visible yet. Errors: none.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "impl/base/prng.h"
#include "impl/env/env.h"
#include "loadgen/plan/plan.h"
#include "loadgen/record/histogram.h"
#include "loadgen/record/request_log.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::bench {

// When a peer learns of a placement: after one of these delays, drawn at random, or never.
class Visibility {
 public:
  Visibility() = default;  // never
  // `never`: how many placements did not become visible, beside those of which the delay is known.
  Visibility(const load::Histogram& delays_us, std::uint64_t never);

  bool ever() const { return !delays_.empty(); }
  std::optional<Time> Draw(Prng& prng) const;

 private:
  struct Delay {
    std::uint64_t up_to;  // of all delays, how many are this one or less
    Time delay;
  };
  std::vector<Delay> delays_;  // ascending
  std::uint64_t all_ = 1;
};

struct OracleRouters {
  std::size_t count = 1;  // of several, the plan says which one a request goes to
  Visibility visibility = {};
};

struct OracleResult {
  std::uint64_t cached_bytes = 0, prompt_bytes = 0;  // of the counted requests; cached ones in whole blocks
  std::optional<double> load_cov;                    // sd / mean of counted requests per worker; nothing without any

  // As result.json's; nothing when no counted prompt had a byte.
  std::optional<double> cached_share() const;
};

// `records` is what became of the plan's requests, in its order.
OracleResult RunOracle(const load::Plan& plan, const load::Settings& settings,
                       std::span<const load::RequestRecord> records, const OracleRouters& routers = {});

}  // namespace prefixmesh::bench
