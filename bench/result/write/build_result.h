// build_result.h — from what was measured to result.json, value by value as docs/results.md defines them.
//
// Threads: pure. Ownership: values. Errors: none; a value that was not measured is null, and a note says why (nulls.h).
// Bounds: those of what was measured.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "bench/oracle/ladder.h"
#include "bench/result/write/measured.h"

namespace prefixmesh::bench {

// How soon placements were seen at a peer, as load.json has it: never without sync, nothing where it was not measured.
std::optional<Visibility> VisibilityOf(const Measured& measured);

// Judges trust and objectives, too: `measured.verdict` is kOk, kFailed or kKilled.
nlohmann::ordered_json BuildResult(const Measured& measured);

}  // namespace prefixmesh::bench
