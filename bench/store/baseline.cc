#include "bench/store/baseline.h"

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

std::string FileName(std::string name) {
  std::replace(name.begin(), name.end(), '/', '.');
  return name;
}

struct BaselineText {
  const char* name;
  std::string Baseline::*text;
};
constexpr BaselineText kBaselineTexts[] = {
    {"scenario", &Baseline::scenario}, {"strategy", &Baseline::strategy}, {"commit", &Baseline::commit},
    {"machine", &Baseline::machine},   {"compiler", &Baseline::compiler}, {"set_at", &Baseline::set_at},
    {"why", &Baseline::why},
};

Result<Baseline> ReadBaselineFile(const std::string& file) {
  const Result<Json> json = ReadJson(file);
  if (!json.ok()) return json.error();
  Baseline baseline;
  for (const BaselineText& field : kBaselineTexts) {
    const Json& value = NodeAt(*json, field.name);
    if (!value.is_string()) return Invalid(file + ": is no baseline: no " + field.name);
    baseline.*field.text = value.get<std::string>();
  }
  for (const Json& run : ArrayAt(*json, "runs")) {
    if (!run.is_string() || baseline.runs.size() >= kBaselineRunsMax) return Invalid(file + ": is no baseline: runs");
    baseline.runs.push_back(run.get<std::string>());
  }
  if (baseline.runs.empty()) return Invalid(file + ": is no baseline: it names no run");
  return baseline;
}

}  // namespace

Result<Baseline> BaselineOf(const std::vector<RunLine>& runs, const std::string& set_at, const std::string& why) {
  if (runs.empty()) return Invalid("a baseline needs a run");
  if (runs.size() > kBaselineRunsMax) return Invalid("a baseline has at most 1000 runs");
  const RunLine& first = runs.front();
  Baseline baseline{first.scenario, first.strategy, first.commit, first.machine, first.compiler, set_at, why, {}};
  for (const RunLine& run : runs) {
    if (!run.comparable() && run.verdict != "killed")
      return Invalid(run.run_id + ": is no baseline: its verdict is " + run.verdict +
                     (run.trusted ? "" : ", its generator is not trusted"));
    if (run.dirty) return Invalid(run.run_id + ": is no baseline: it was built from a dirty work tree");
    for (const auto& [name, text] : {std::pair{"commit", &RunLine::commit}, std::pair{"machine", &RunLine::machine},
                                     std::pair{"compiler", &RunLine::compiler}})
      if (run.*text != first.*text)
        return Invalid(run.run_id + ": has another " + name + " than " + first.run_id + ": " + run.*text + ", " +
                       first.*text);
    baseline.runs.push_back(run.run_id);
  }
  return baseline;
}

std::string BaselinePath(const std::string& results, const std::string& scenario, const std::string& strategy) {
  return results + "/baselines/" + FileName(scenario) + "/" + FileName(strategy) + ".json";
}

Status WriteBaseline(const std::string& results, const Baseline& baseline) {
  if (!IsFileName(FileName(baseline.scenario)) || !IsFileName(FileName(baseline.strategy)))
    return Invalid("scenario or strategy cannot be a file name");
  const std::string path = BaselinePath(results, baseline.scenario, baseline.strategy);
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  if (error) return Error{ErrorCode::kUnavailable, path + ": " + error.message()};
  Json json;
  for (const BaselineText& field : kBaselineTexts) json[field.name] = baseline.*field.text;
  json["runs"] = baseline.runs;
  return WriteWholeFile(path, json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

Result<Baseline> ReadBaseline(const std::string& results, const std::string& scenario, const std::string& strategy) {
  const std::string path = BaselinePath(results, scenario, strategy);
  std::error_code error;
  if (!fs::exists(path, error))
    return Error{ErrorCode::kNotFound,
                 "no baseline of " + scenario + " with " + strategy + " (`prefixmesh baseline set`)"};
  return ReadBaselineFile(path);
}

Result<std::vector<Baseline>> ReadBaselines(const std::string& results) {
  std::vector<std::string> files;
  std::error_code error;
  const std::string folder = results + "/baselines";
  for (fs::recursive_directory_iterator each(folder, error), end; !error && each != end; each.increment(error))
    if (each->path().extension() == ".json") files.push_back(each->path().string());
  std::sort(files.begin(), files.end());
  std::vector<Baseline> all;
  for (const std::string& file : files) {
    Result<Baseline> baseline = ReadBaselineFile(file);
    if (!baseline.ok()) return baseline.error();
    all.push_back(std::move(*baseline));
  }
  return all;
}

Result<std::vector<RunLine>> RunsOf(const Baseline& baseline, const std::vector<RunLine>& recorded) {
  std::vector<RunLine> runs;
  for (const std::string& id : baseline.runs) {
    const auto found =
        std::find_if(recorded.begin(), recorded.end(), [&](const RunLine& line) { return line.run_id == id; });
    if (found == recorded.end())
      return Error{ErrorCode::kNotFound, "the baseline of " + baseline.scenario + " with " + baseline.strategy +
                                             " names a run that is not recorded: " + id};
    runs.push_back(*found);
  }
  return runs;
}

}  // namespace prefixmesh::bench
