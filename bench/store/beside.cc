#include "bench/store/beside.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "bench/result/json_at.h"
#include "bench/result/read_json.h"
#include "bench/text/safe_text.h"
#include "impl/base/whole_file.h"

namespace prefixmesh::bench {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

bool IsAb(const Json& json) {
  return NodeAt(json, "arms").is_array() && NodeAt(json, "metrics").is_array() &&
         NodeAt(json, "plan_fingerprints").is_array();
}
bool IsMicro(const Json& json) {
  return NodeAt(json, "benchmarks").is_array() && TextAt(json, "context.library_build_type", "") != "";
}

// "2026-11-29T08:06:00+00:00" is 20261129T080600Z; a local time keeps its digits, it only has to order.
std::string Compact(const std::string& date) {
  std::string text;
  for (const char c : date.substr(0, 19))
    if (c != '-' && c != ':') text += c;
  return text + "Z";
}

}  // namespace

std::optional<std::string> BesideFile(const std::string& path) {
  std::error_code error;
  const std::string in_folder = path + "/ab.json";
  if (fs::is_regular_file(in_folder, error)) return in_folder;
  if (!fs::is_regular_file(path, error)) return std::nullopt;
  const Result<Json> json = ReadJson(path);
  if (!json.ok() || (!IsAb(*json) && !IsMicro(*json))) return std::nullopt;
  return path;
}

Result<std::string> RecordBeside(const std::string& file, const std::string& results) {
  Result<Json> json = ReadJson(file);
  if (!json.ok()) return json.error();
  std::string name, folder;
  if (IsAb(*json)) {
    folder = "ab";
    std::string scenario = TextAt(*json, "scenario", "");
    std::replace(scenario.begin(), scenario.end(), '/', '.');
    const Json& runs = ArrayAt(*json, "runs");
    // An A/B began with its first run, and a run's id begins with when.
    if (!runs.empty()) name = TextAt(runs.front(), "run_id", "").substr(0, 16) + "-" + scenario;
  } else if (IsMicro(*json)) {
    folder = "micro";
    Json& context = (*json)["context"];
    const std::string program = fs::path(TextAt(context, "executable", "")).filename().string();
    name = Compact(TextAt(context, "date", "")) + "-" + program;
    context["executable"] = program;
    context.erase("host_name");
  } else {
    return Invalid(file + ": is neither an A/B nor a benchmark's JSON");
  }
  if (!IsFileName(name)) return Invalid(file + ": does not say what its name here is made of");
  const std::string path = results + "/" + folder + "/" + name + ".json";
  std::error_code error;
  if (fs::exists(path, error)) return Invalid(path + " is already there; results are append-only");
  fs::create_directories(results + "/" + folder, error);
  if (error) return Error{ErrorCode::kUnavailable, results + "/" + folder + ": " + error.message()};
  const std::string text = json->dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  if (Status written = WriteWholeFile(path, text); !written.ok()) return written.error();
  return path;
}

}  // namespace prefixmesh::bench
