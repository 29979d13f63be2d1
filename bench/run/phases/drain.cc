#include "bench/run/phases/phases.h"

namespace prefixmesh::bench {

Status DrainPhase(RunLoop& run) {
  run.BeginPhase("drain");
  if (!run.cluster.load()->WriteLine("probe"))
    return Error{ErrorCode::kUnavailable, "the load process no longer listens"};
  if (Status probed = run.WaitForLoad("probed", run.settings.phases.drain_s + 60); !probed.ok()) return probed;
  return run.AllAnswered(run.sampler.SampleNow());
}

}  // namespace prefixmesh::bench
