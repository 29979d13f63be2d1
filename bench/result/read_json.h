// read_json.h — reads a JSON file that anything may have written: results, vectors, what another process left.
//
// Threads: any. Ownership: values. Bounds: kJsonFileBytesMax, and nested kNestingMax levels deep at most, found before
// it is parsed (nesting.h). Errors: one line that names the file; kNotFound if it cannot be read or is a folder
// without a result, else kInvalid.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "impl/base/result.h"

namespace prefixmesh::bench {

inline constexpr std::size_t kJsonFileBytesMax = 64u << 20;  // an hour's series of 64 routers is 10 MB

Result<nlohmann::json> ReadJson(const std::string& path);

// The result in the file or run folder `path`, as it was written, of this schema version or an older one.
Result<nlohmann::json> ReadStoredResult(const std::string& path);
// The same with what this version has and an older one left to its readers (older_result.h).
Result<nlohmann::json> ReadResult(const std::string& path);

// A folder without a result.json: an A/B's, one of reports. A folder that may not be looked into is none of these.
bool HoldsNoResult(const std::string& path);
// "PATH holds no result", and where those of an A/B are.
std::string HoldsNoResultText(const std::string& path);

// `path`, or the result.json of the run folder `path`.
std::string ResultPath(const std::string& path);

}  // namespace prefixmesh::bench
