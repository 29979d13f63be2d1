// run_folder.h — folders of runs that are made one after another and may be stopped in between: what is whole is taken
// as it is, what is not is moved aside and made again.
//
// Threads: one. Ownership: values. Errors: kInvalid with the folder. Bounds: none of their own.
#pragma once

#include <string>

#include "bench/scenario/runner.h"
#include "impl/base/result.h"

namespace prefixmesh::bench {

// request.out has the result of just this run, made by this very build: strategy, seed and all settings agree, it did
// not fail, and the build has a commit that says what was built.
bool HoldsRun(const RunRequest& request);

// FOLDER becomes FOLDER.failed-1, or the next free number. `why` is a word for "failed".
Status MoveAside(const std::string& folder, const std::string& why = "failed");

}  // namespace prefixmesh::bench
