// night.h — start here for `prefixmesh nightly`: one night from its suite to its findings.
//
//   1 counters   on virtual time, tolerance 0, against the golden ones (counters.h); rules under faults; fuzz targets
//   2 runs       each cell of the suite in pairs with the baseline's build, judged as `ab` judges; micro benchmarks and
//                heap profiles of both builds. What regressed is made once more, and counts if it regresses again
//   3 history    the night's runs go into the store; a new change of level is told (history.h)
//
//   OUT/night.json, summary.md, junit.xml       what was found, written last
//   OUT/cells/reference-two-layer/…             the A/B of each cell, as bench/ab/experiment.h lays it out
//   OUT/micro/…, OUT/profiles/…, OUT/fuzz.log   what the others left
//
// A night that was stopped goes on with the same command: whole runs are taken as they are, runs that the store has are
// not stored twice. gates.h has the parts.
//
// Threads: one. Time: the sum of the runs. Ownership: values out, files in OUT and the store. Errors: kInvalid for what
// can be known before anything runs; kInterrupted; kUnavailable for files and stores that fail. A run, a benchmark or a
// profile that fails is a finding. Bounds: the suite's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/ab/experiment.h"
#include "bench/nightly/finding.h"
#include "bench/nightly/night_tools.h"
#include "bench/nightly/sight.h"
#include "bench/nightly/suite.h"
#include "impl/base/result.h"

namespace prefixmesh::bench {

struct NightBuild {
  std::string bin_dir, name, commit;  // name: c3976b22, or c3976b22+ with uncommitted changes
  bool dirty = false;
};

struct NightRequest {
  Suite suite;
  std::string results = "results", store, out;
  NightBuild build, baseline;  // baseline.bin_dir empty: there is none, and `no_baseline` says why
  std::string no_baseline;
  std::string name;  // of the night, 20261129T031700Z
  std::int64_t now_unix_s = 0;
  std::uint32_t keep_days = 30;
  std::uint64_t seed = 1;  // of the first pair
};

struct Night {
  std::vector<Finding> findings;
  std::vector<Sight> sights;  // what the second gate can see, of every cell and figure
  std::vector<std::string> notes;
};

Result<Night> RunNight(const NightRequest& request, const NightTools& tools, const ab::SayFunction& say);

}  // namespace prefixmesh::bench
