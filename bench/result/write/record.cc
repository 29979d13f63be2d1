#include "bench/result/write/record.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "bench/result/validate_result.h"
#include "bench/result/write/measured.h"
#include "bench/text/safe_text.h"
#include "impl/base/whole_file.h"

namespace prefixmesh::bench {

std::string RecordedPath(const std::string& results, std::string scenario, const std::string& run_id) {
  std::replace(scenario.begin(), scenario.end(), '/', '.');
  return results + "/" + scenario + "/" + run_id + ".json";
}

Result<std::string> RecordResult(const nlohmann::json& result, const std::string& results_dir, bool force) {
  const auto invalid = [](const std::string& why) { return Error{ErrorCode::kInvalid, why}; };
  std::vector<std::string> reasons;
  std::string scenario, run_id;
  nlohmann::json kept = result;
  if (Status valid = ValidateResult(result); !valid.ok()) return invalid("not recorded: " + valid.error().message);
  try {
    const std::string verdict = result.at("verdict");
    // A missed objective is a measurement like another.
    if (verdict != "ok" && verdict != "slo_missed" && verdict != "killed")
      reasons.push_back("its verdict is " + verdict);
    // In a run that a memory cap ended the generator could not finish, which is not its fault.
    if (verdict != "killed" && !result.at("trust").at("ok").get<bool>())
      reasons.push_back("its generator is not trusted");
    if (result.at("build").at("dirty").get<bool>()) reasons.push_back("it was built from a dirty work tree");
    for (const nlohmann::json& note : result.at("notes"))
      if (note == kProfiledNote) reasons.push_back("its first router ran under a profiler");
    scenario = result.at("scenario").at("name");
    run_id = result.at("run_id");
    for (const std::string& reason : reasons) kept["notes"].push_back("recorded with --force although " + reason);
    // Where a file lay is nobody's business; the notes name it by its sha256.
    nlohmann::json& settings = kept["scenario"]["settings"];
    if (settings.is_object() && settings.contains("trace.path"))
      settings["trace.path"] = std::filesystem::path(settings["trace.path"].get<std::string>()).filename().string();
  } catch (const nlohmann::json::exception& error) {
    return invalid(std::string("not a whole result: ") + error.what());
  }
  const std::string path = RecordedPath(results_dir, scenario, run_id);
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!IsFileName(folder.filename().string()) || !IsFileName(run_id))
    return invalid("its scenario name or run id cannot be a file name");
  for (const char* taken : {"ab", "baselines", "golden", "micro", "runs"})
    if (folder.filename() == taken)
      return invalid("its scenario is called '" + std::string(taken) + "', which is a folder of another kind there");
  if (!reasons.empty() && !force) {
    std::string all;
    for (const std::string& reason : reasons) all += (all.empty() ? "" : ", ") + reason;
    return invalid("not recorded: " + all + " (--force records it all the same, marked)");
  }
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return invalid(folder.string() + ": " + error.message());
  if (std::filesystem::exists(path, error)) return invalid(path + " is already there; results are append-only");
  if (Status written = WriteWholeFile(path, kept.dump(1) + "\n"); !written.ok()) return written.error();
  return path;
}

}  // namespace prefixmesh::bench
