// ledger_probe.h — asks every other router about the sampled placements, in drain, after the peaks have been taken.
//
// Threads: blocks the caller; answers come on gRPC's. Time: at most `timeout` in all. Ownership: borrows. Errors: a
// probe that fails counts as lost and in `unanswered`; an unreachable router is an error naming it. Bounds: 8 probes in
// flight.
#pragma once

#include <string>
#include <vector>

#include "impl/base/result.h"
#include "impl/env/env.h"
#include "loadgen/drive/driver.h"
#include "loadgen/drive/ledger.h"
#include "loadgen/plan/plan.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::load {

Result<LedgerCounts> ProbeLedger(const Plan& plan, const Settings& settings, const std::vector<RequestRecord>& records,
                                 const std::vector<std::string>& worker_names,
                                 const std::vector<RouterAddress>& routers, Time timeout);

}  // namespace prefixmesh::load
