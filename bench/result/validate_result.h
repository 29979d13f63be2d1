// validate_result.h — whether a result.json is what this release writes: its schema holds, and its parts agree.
//
// For what is kept for good. The schema (result_schema.h) knows types, ranges and names; that objectives say what their
// values say, that the verdict follows from them, and that counts add up is checked here.
//
// Threads: any, pure. Ownership: values. Units: none. Errors: kInvalid, one line, of the first thing that is wrong.
// Bounds: as deep as the schema; nesting of the result was checked when it was read (read_json.h).
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "impl/base/result.h"

namespace prefixmesh::bench {

Status ValidateResult(const nlohmann::json& result);

}  // namespace prefixmesh::bench
