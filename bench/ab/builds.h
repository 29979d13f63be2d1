// builds.h — runs made by other builds of this project: `ab --build-a DIR --build-b DIR`. Each build's own prefixmesh
// makes its runs, with its own routers, workers and generator, so that a change anywhere in them is compared.
//
// Threads: one. Time: that of the run, at most twice its phases and its requests' timeout, and 15 minutes. Ownership:
// values; the child ends with the call. Errors: kInvalid: no build there, or it refuses the command (exit 2 of its
// own); kUnavailable: it ended without a result; kTimeout, kInterrupted as in run_child.h. Bounds: the child's own.
#pragma once

#include <string>
#include <vector>

#include "bench/run/run.h"
#include "impl/base/result.h"

namespace prefixmesh::bench::ab {

struct Build {
  std::string bin_dir;  // where its programs are
  std::string commit;   // as its prefixmesh tells it
  bool dirty = false;

  // "c3976b22", "c3976b22+" with uncommitted changes.
  std::string Name() const { return commit.substr(0, 8) + (dirty ? "+" : ""); }
};

// `dir`: a build folder, or its bin folder. Asks its prefixmesh for its version.
Result<Build> FindBuild(const std::string& dir);

// The run that `request` describes, made by the build of request.bin_dir: `prefixmesh run SCENARIO_ARGUMENTS…`. The
// settings are what the arguments mean to that build.
Result<RunOutcome> RunInBuild(const std::vector<std::string>& scenario_arguments, const RunRequest& request);

}  // namespace prefixmesh::bench::ab
