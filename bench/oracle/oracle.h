// oracle.h — the best any sync could do: one router that saw all the traffic, over the same plan, on a virtual clock.
//
// The same policy (impl/route), the same block index (impl/tree) and the same worker model (loadgen/worker) as a real
// run; no network and no delay between routers. A test holds it against a real one-router run, within one point.
//
// It serves every request of the plan and counts those that the run counts: of the load phase, and answered. Requests
// fail where prompts are long and nothing of them is cached, so over the survivors alone every share is better, and
// only the same survivors compare.
//
// Threads: one. Time: virtual. Deterministic: same plan and options, same answer. Cost: about a second for 25,000
// prompts of 80,000 bytes, nearly all of it hashing. Errors: none.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "loadgen/plan/plan.h"
#include "loadgen/plan/settings.h"
#include "loadgen/record/request_log.h"

namespace prefixmesh::bench {

struct OracleResult {
  std::optional<double> cached_share;  // as result.json's; nothing when no counted prompt had a byte
  std::optional<double> load_cov;      // sd / mean of counted requests per worker; nothing without any
};

// `records` is what became of the plan's requests, in its order.
OracleResult RunOracle(const load::Plan& plan, const load::Settings& settings,
                       std::span<const load::RequestRecord> records);

}  // namespace prefixmesh::bench
