#include "bench/app/output.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

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
  const std::string file = std::filesystem::is_directory(path) ? path + "/result.json" : path;
  std::ifstream stream(file);
  if (!stream) return Error{ErrorCode::kNotFound, file + ": cannot be read"};
  nlohmann::json result = nlohmann::json::parse(stream, nullptr, false);
  if (!result.is_object() || !result.contains("schema_version"))
    return Error{ErrorCode::kInvalid, file + ": is not a result of this tool"};
  return result;
}

}  // namespace prefixmesh::bench
