#include "bench/ab/builds.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "bench/process/run_child.h"
#include "bench/result/json_at.h"
#include "bench/result/read_json.h"
#include "bench/result/verdict.h"

namespace prefixmesh::bench::ab {
namespace {

namespace fs = std::filesystem;

constexpr Time kVersionTimeout = std::chrono::seconds(10);

// A run has deadlines of its own; a build that is broken may keep none of them.
Time LongestRun(const load::Settings& settings) {
  const auto& phases = settings.phases;
  const double planned_s =
      phases.warmup_s + phases.load_s + phases.settle_s + phases.idle_s + phases.drain_s + settings.load.timeout_s;
  return std::chrono::minutes(15) + std::chrono::milliseconds(static_cast<std::int64_t>(2000 * planned_s));
}

}  // namespace

Result<Build> FindBuild(const std::string& dir) {
  Build build;
  std::error_code error;
  for (const std::string& bin : {dir + "/bin", dir})
    if (build.bin_dir.empty() && fs::is_regular_file(bin + "/prefixmesh", error))
      build.bin_dir = fs::canonical(bin, error).string();
  if (build.bin_dir.empty()) return Invalid(dir + ": holds no build (neither bin/prefixmesh nor prefixmesh)");
  std::string said;
  const Result<ChildEnd> end = RunChild({"prefixmesh of " + dir,
                                         {build.bin_dir + "/prefixmesh", "--version"},
                                         "/dev/null",
                                         [&](const std::string& line) { said = said.empty() ? line : said; }},
                                        kVersionTimeout);
  if (!end.ok()) return Invalid(dir + ": " + end.error().message);
  // "prefixmesh 0.1.0, commit 0123… with uncommitted changes"
  const std::size_t at = said.find("commit ");
  if (!said.starts_with("prefixmesh ") || at == std::string::npos)
    return Invalid(dir + ": its prefixmesh does not tell its commit (--version)");
  build.commit = said.substr(at + 7, said.find(' ', at + 7) - at - 7);
  if (build.commit.empty()) return Invalid(dir + ": its prefixmesh does not tell its commit (--version)");
  build.dirty = said.find("uncommitted") != std::string::npos;
  return build;
}

Result<RunOutcome> RunInBuild(const std::vector<std::string>& scenario_arguments, const RunRequest& request) {
  std::error_code error;
  fs::create_directories(fs::path(request.out).parent_path(), error);
  std::vector<std::string> argv = {request.bin_dir + "/prefixmesh", "run"};
  argv.insert(argv.end(), scenario_arguments.begin(), scenario_arguments.end());
  for (const std::string& each : {std::string("--strategy"), request.strategy, std::string("--seed"),
                                  std::to_string(request.seed), std::string("--out"), request.out})
    argv.push_back(each);
  const std::string name = "the run in " + request.bin_dir;
  const Result<ChildEnd> end =
      RunChild({name, argv, request.out + ".log", [](const std::string&) {}}, LongestRun(request.settings));
  if (!end.ok()) return end.error();
  RunOutcome outcome{Verdict::kFailed, request.out + "/result.json", request.out + "/report.html"};
  const Result<nlohmann::json> result = ReadStoredResult(outcome.result_path);
  if (!result.ok())
    return Error{end->exit == "exit code 2" ? ErrorCode::kInvalid : ErrorCode::kUnavailable,
                 name + " ended with " + end->exit +
                     " and no result: " + (end->last_error.empty() ? result.error().message : end->last_error)};
  outcome.verdict = VerdictNamed(TextAt(*result, "verdict", "")).value_or(Verdict::kFailed);
  return outcome;
}

}  // namespace prefixmesh::bench::ab
