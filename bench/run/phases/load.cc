#include "bench/run/phases/phases.h"

namespace prefixmesh::bench {

Status LoadPhase(RunLoop& run) {
  run.ShowPhase("warmup");
  if (!run.cluster.load()->WriteLine("start"))
    return Error{ErrorCode::kUnavailable, "the load process no longer listens"};
  run.watchdog.ArmLoad(run.sampler.elapsed_s());
  const Status done = run.WaitForLoad(
      "load_done", run.settings.phases.warmup_s + run.settings.phases.load_s + run.settings.load.timeout_s + 30);
  run.LoadIsOver();
  return done;
}

}  // namespace prefixmesh::bench
