#include "bench/result/read_json.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "impl/base/nesting.h"

namespace prefixmesh::bench {

Result<nlohmann::json> ReadJson(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return Error{ErrorCode::kNotFound, path + ": cannot be read"};
  std::ostringstream read;
  read << stream.rdbuf();
  const std::string text = std::move(read).str();
  if (Status nesting = CheckNesting(text); !nesting.ok())
    return Error{ErrorCode::kInvalid, path + ": " + nesting.error().message};
  nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) return Error{ErrorCode::kInvalid, path + ": is not JSON"};
  return json;
}

std::string ResultPath(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error) ? path + "/result.json" : path;
}

}  // namespace prefixmesh::bench
