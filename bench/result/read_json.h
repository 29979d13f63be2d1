// read_json.h — reads a JSON file that anything may have written: results, vectors, what another process left.
//
// Threads: any. Ownership: values. Bounds: nested kNestingMax levels deep at most, found before it is parsed
// (nesting.h). Errors: one line that names the file; kNotFound if it cannot be read, else kInvalid.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "impl/base/result.h"

namespace prefixmesh::bench {

Result<nlohmann::json> ReadJson(const std::string& path);

// `path`, or the result.json of the run folder `path`.
std::string ResultPath(const std::string& path);

}  // namespace prefixmesh::bench
