// night_tools.h — what a night starts: runs, micro benchmarks and heap profiles of a build, fuzz targets. Tests bring
// their own.
//
// Threads: one at a time. Time: that of what is started, with a deadline. Ownership: values; files below the folder
// given. Errors: kNotFound for what this machine or build does not have, with what to do about it; kUnavailable for
// what failed. Bounds: the children's own; kMicroBytesMax of what a benchmark says.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/nightly/suite.h"
#include "bench/run/run.h"
#include "impl/base/result.h"
#include "profiles/heap_profile.h"

namespace prefixmesh::bench {

inline constexpr std::size_t kMicroBytesMax = 16u << 20;

struct FuzzOutcome {
  std::vector<std::string> targets;  // that ran
  std::vector<std::string> found;    // "result: ERROR: AddressSanitizer: …"
};

struct NightTools {
  // Whether this process was asked to end; what takes long and starts no process asks. Null: it never is.
  std::function<bool()> asked_to_end;
  // A run of a cell by a build (RunRequest::bin_dir), with these arguments.
  std::function<Result<RunOutcome>(const std::vector<std::string>& scenario_arguments, const RunRequest&)> run;
  // What bench_micro of a build says, in Google Benchmark's JSON, which `file` keeps.
  std::function<Result<std::string>(const std::string& bin_dir, const MicroCell&, const std::string& file)> micro;
  // The heap of the first router of a run, by a build, in the folder `out`.
  std::function<Result<profiles::HeapProfile>(const std::string& bin_dir, const ProfileCell&, const std::string& out)>
      profile;
  std::function<Result<FuzzOutcome>(const FuzzCell&, const std::string& log,
                                    const std::function<void(const std::string&)>& say)>
      fuzz;
};

NightTools RealNightTools();

}  // namespace prefixmesh::bench
