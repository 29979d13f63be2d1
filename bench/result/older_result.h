// older_result.h — results of an older schema version, read as if they were of this one.
//
// Threads: pure. Ownership: the result is the caller's. Errors: none; what an older result cannot say stays missing.
// Bounds: the result's own size.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace prefixmesh::bench {

// Puts in what version 1 left for its readers to work out: load.failed_share, routing.decided_by_cache,
// placements.applied_share, a fault's built_total_bytes and what it says of the routers together, and
// built_bytes_per_s, which the first release called bytes_per_s. `schema_version` stays. Others are left alone.
void AddNewerFigures(nlohmann::json& result);

}  // namespace prefixmesh::bench
