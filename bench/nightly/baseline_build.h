// baseline_build.h — the build that a night is held against, made of a commit of this repository: a worktree below
// build/baselines, built there by its own `./run --build-only`, so with ccache where there is one.
//
// One baseline is kept; another one takes its place. Which commit it is when nobody says: that of the last night that
// passed, as the store has it.
//
// Threads: one. Time: seconds when the build is there, else that of a build; `say` hears of it. Ownership: files below
// kBaselinesFolder and the store. Errors: kNotFound: no checkout here, or no such commit; kUnavailable: its build
// failed, with the log's name; kInterrupted. Bounds: one build.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "bench/ab/builds.h"
#include "impl/base/result.h"

namespace prefixmesh::bench {

inline constexpr const char* kBaselinesFolder = "build/baselines";

// `revision`: what git calls a commit; of `own`'s, if that is clean, it is `own`. The working folder is in the
// checkout.
Result<ab::Build> BuildBaseline(const std::string& revision, const ab::Build& own,
                                const std::function<void(const std::string&)>& say);

// The commit of the last night that passed; nothing before the first.
// Nothing: none has. An error: the store says so in a way that cannot be read.
Result<std::optional<std::string>> LastPassed(const std::string& store);
Status KeepLastPassed(const std::string& store, const std::string& commit, const std::string& night);

}  // namespace prefixmesh::bench
