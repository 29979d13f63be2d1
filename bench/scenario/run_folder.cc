#include "bench/scenario/run_folder.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/build_info.h"
#include "loadgen/plan/settings.h"

namespace prefixmesh::bench {

namespace fs = std::filesystem;

bool HoldsRun(const RunRequest& request) {
  std::ifstream stream(request.out + "/result.json");
  const nlohmann::json result = stream ? nlohmann::json::parse(stream, nullptr, false) : nlohmann::json();
  if (BuildDirty() || !result.is_object()) return false;
  try {
    return result.at("strategy") == request.strategy && result.at("seed") == request.seed &&
           result.at("build").at("commit") == BuildCommit() && result.at("build").at("dirty") == false &&
           result.at("verdict") != VerdictName(Verdict::kFailed) &&
           result.at("scenario").at("settings") == nlohmann::json::parse(load::SettingsValuesJson(request.settings));
  } catch (const nlohmann::json::exception&) {
    return false;  // not a result of ours
  }
}

Status MoveAside(const std::string& folder, const std::string& why) {
  std::string aside;
  for (int i = 1; aside.empty() || fs::exists(aside); ++i) aside = folder + "." + why + "-" + std::to_string(i);
  std::error_code error;
  fs::rename(folder, aside, error);
  if (error) return Error{ErrorCode::kInvalid, folder + ": cannot be moved aside: " + error.message()};
  return {};
}

}  // namespace prefixmesh::bench
