#include "bench/result/read_json.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "bench/result/older_result.h"
#include "bench/result/result_schema.h"
#include "impl/base/nesting.h"
#include "impl/base/whole_file.h"

namespace prefixmesh::bench {

Result<nlohmann::json> ReadJson(const std::string& path) {
  const Result<std::string> text = ReadWholeFile(path, kJsonFileBytesMax);
  if (!text.ok()) return text.error();
  if (Status nesting = CheckNesting(*text); !nesting.ok())
    return Error{ErrorCode::kInvalid, path + ": " + nesting.error().message};
  nlohmann::json json = nlohmann::json::parse(*text, nullptr, false);
  if (json.is_discarded()) return Error{ErrorCode::kInvalid, path + ": is not JSON"};
  return json;
}

Result<nlohmann::json> ReadStoredResult(const std::string& path) {
  if (HoldsNoResult(path)) return Error{ErrorCode::kNotFound, HoldsNoResultText(path)};
  const std::string file = ResultPath(path);
  Result<nlohmann::json> result = ReadJson(file);
  if (!result.ok()) return result;
  const auto version = result->is_object() ? result->find("schema_version") : result->end();
  if (!result->is_object() || version == result->end())
    return Error{ErrorCode::kInvalid, file + ": is not a result of this tool"};
  if (*version != 1 && *version != kResultSchemaVersion)
    return Error{ErrorCode::kInvalid, file + ": has schema_version " + version->dump().substr(0, 40) +
                                          "; this release reads 1 and " + std::to_string(kResultSchemaVersion)};
  return result;
}

Result<nlohmann::json> ReadResult(const std::string& path) {
  Result<nlohmann::json> result = ReadStoredResult(path);
  if (result.ok()) AddNewerFigures(*result);
  return result;
}

bool HoldsNoResult(const std::string& path) {
  std::error_code none;
  return std::filesystem::is_directory(path, none) && !std::filesystem::exists(path + "/result.json", none) && !none;
}

std::string HoldsNoResultText(const std::string& path) {
  std::error_code none;
  if (!std::filesystem::exists(path + "/ab.json", none)) return path + " holds no result";
  return path + " is an A/B: its page is " + path + "/report.html, its results are " + path + "/pair-*/*";
}

std::string ResultPath(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error) ? path + "/result.json" : path;
}

}  // namespace prefixmesh::bench
