// record.h — appends a finished run to results/<scenario>/<run_id>.json. Nothing is ever overwritten.
// Threads: one. Errors: kInvalid for a result that contradicts itself or its schema, whatever is forced, and for a run
// that must not be kept (failed, untrusted, dirty) unless forced; a forced one is marked in its notes.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "impl/base/result.h"

namespace prefixmesh::bench {

// Where it is recorded: results/<scenario>/<run_id>.json, with a dot for the `/` of a generation's scenario.
std::string RecordedPath(const std::string& results, std::string scenario, const std::string& run_id);

// Returns the path written.
Result<std::string> RecordResult(const nlohmann::json& result, const std::string& results_dir, bool force);

}  // namespace prefixmesh::bench
