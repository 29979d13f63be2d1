// recorded_runs.h — the recorded runs of a baseline as one side of a comparison, where the baseline's build cannot be
// made: each is taken for the run of its seed.
//
// They are of another day, so what drifts between days is in the comparison; a night says so.
//
// Threads: pure but for files. Ownership: values. Errors: kNotFound when no baseline is set or its runs are gone.
// Bounds: kBaselineRunsMax runs.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "bench/run/run.h"
#include "bench/store/baseline.h"
#include "impl/base/result.h"

namespace prefixmesh::bench {

struct RecordedRuns {
  Baseline baseline;
  std::string first_started_at;
  std::uint64_t first_seed = 0, seeds = 0;     // the longest row of seeds without a gap
  std::map<std::uint64_t, std::string> files;  // by seed
};
Result<RecordedRuns> FindRecordedRuns(const std::string& results, const std::string& scenario,
                                      const std::string& strategy);

// Puts the recorded run of request.seed where a run would have left its result. kNotFound for a seed without one.
Result<RunOutcome> TakeRecordedRun(const RecordedRuns& recorded, const RunRequest& request);

}  // namespace prefixmesh::bench
