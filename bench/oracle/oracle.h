// oracle.h — the best any sync could do: one router that saw all the traffic, over the same plan, on a virtual clock.
//
// The same policy (impl/route), the same block index (impl/tree) and the same worker model (loadgen/worker) as a real
// run; no network and no delay between routers. A test holds it against a real one-router run, within one point.
// Threads: one. Time: virtual. Deterministic: same plan and options, same answer. Cost: about a second for 25,000
// prompts of 80,000 bytes, nearly all of it hashing. Errors: none.
#pragma once

#include <cstdint>
#include <optional>

#include "loadgen/plan/plan.h"
#include "loadgen/plan/settings.h"

namespace prefixmesh::bench {

struct OracleResult {
  std::optional<double> cached_share;  // load phase, as result.json's cached_share; nothing when no prompt had a byte
  std::optional<double> load_cov;      // sd / mean of requests per worker, load phase; nothing without requests
};

OracleResult RunOracle(const load::Plan& plan, const load::Settings& settings);

}  // namespace prefixmesh::bench
