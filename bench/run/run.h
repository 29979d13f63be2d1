// run.h — start here for a run: one scenario with one strategy, real processes on loopback, from start to result.
//
//   checked (preflight.h) → its phases (phases/phases.h) → measured.h → result.json and report.html
//
// Every wait has a deadline; a child that dies or hangs ends the run at once with the reason, the others are stopped,
// and what was measured is still written, marked failed. Ctrl-C does the same.
//
// Threads: Run on one; it starts readers for the children. Time: the monotonic clock. Ownership: children end with Run.
// Errors: kInvalid for what can be known before anything starts (exit 2); everything later is in the result.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "bench/result/verdict.h"
#include "impl/base/result.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::bench {

struct RunRequest {
  load::Settings settings;
  std::string strategy = "two-layer";
  std::uint64_t seed = 1;
  std::string out;                                         // a folder; made if missing, refused if it holds another run
  std::string bin_dir;                                     // where the other programs are
  std::vector<std::string> first_router_environment = {};  // "NAME=VALUE", beside this process's own
  bool live = false;                                       // a Prometheus may look on (live_targets.h)
};

struct RunOutcome {
  Verdict verdict = Verdict::kFailed;
  std::string result_path;
  std::string report_path;
};

// Checks, runs, measures, writes result.json and report.html into request.out.
Result<RunOutcome> Run(const RunRequest& request);

}  // namespace prefixmesh::bench
