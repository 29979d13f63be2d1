#include "bench/app/output.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench/result/read_json.h"

namespace prefixmesh::bench {

int Fail(const std::string& message, int code) {
  std::fprintf(stderr, "prefixmesh: %s\n", message.c_str());
  return code;
}

int Fail(const Error& error) {
  const bool world =
      error.code == ErrorCode::kExhausted || error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kTimeout;
  return Fail(error.message, world ? kExitFailed : kExitUsage);
}

Result<nlohmann::json> ReadResult(const std::string& path) {
  const std::string file = ResultPath(path);
  Result<nlohmann::json> result = ReadJson(file);
  if (result.ok() && (!result->is_object() || !result->contains("schema_version")))
    return Error{ErrorCode::kInvalid, file + ": is not a result of this tool"};
  return result;
}

}  // namespace prefixmesh::bench
