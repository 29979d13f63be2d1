// phases.h — start here for the phases of a run, in their order: one file beside this one each.
//
//   start    workers, then routers, then the generator with its plan; figures begin when all of them serve
//   load     warm-up and load, as the plan says; faults act meanwhile (faults/fault.h)
//   settle   until all counters stand still: what routers and workers say then are the totals
//   idle     nothing is sent: what silence costs
//   drain    the generator asks every router for the sampled placements
//   end      always, whatever became of the others: what was measured is kept, and every process is ended
//
// Threads: the run's. Ownership: run_loop.h. Errors: the first phase that fails is the last but for the end. Bounds:
// each has a deadline of its own.
#pragma once

#include "bench/run/run_loop.h"
#include "impl/base/result.h"

namespace prefixmesh::bench {

Status StartPhase(RunLoop& run);
Status LoadPhase(RunLoop& run);
Status SettlePhase(RunLoop& run);
Status IdlePhase(RunLoop& run);
Status DrainPhase(RunLoop& run);

inline constexpr Status (*kPhases[])(RunLoop&) = {StartPhase, LoadPhase, SettlePhase, IdlePhase, DrainPhase};

void EndPhase(RunLoop& run);

}  // namespace prefixmesh::bench
