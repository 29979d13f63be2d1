#include "bench/ab/builds.h"

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>

#include "bench/process/child.h"
#include "bench/report/format.h"
#include "bench/result/read_json.h"
#include "impl/env/real/process.h"

namespace prefixmesh::bench::ab {
namespace {

namespace fs = std::filesystem;

constexpr Time kVersionPatience = std::chrono::seconds(10);
constexpr Time kEndPatience = std::chrono::seconds(30);  // it ends its own processes in order
constexpr Time kRunPatience = std::chrono::hours(24);    // a run has deadlines of its own

}  // namespace

Result<Build> FindBuild(const std::string& dir) {
  Build build;
  std::error_code error;
  for (const std::string& bin : {dir + "/bin", dir})
    if (build.bin_dir.empty() && fs::is_regular_file(bin + "/prefixmesh", error))
      build.bin_dir = fs::canonical(bin, error).string();
  if (build.bin_dir.empty()) return Invalid(dir + ": holds no build (neither bin/prefixmesh nor prefixmesh)");
  std::string said;
  std::mutex mutex;
  ShutdownSignal signal;
  const auto wait = [&](Time step) { return signal.Wait(step); };
  {
    auto child = Child::Start({"prefixmesh of " + dir,
                               {build.bin_dir + "/prefixmesh", "--version"},
                               "/dev/null",
                               [&](const std::string& line) {
                                 const std::lock_guard lock(mutex);
                                 if (said.empty()) said = line;
                               }});
    if (!child.ok()) return Invalid(dir + ": " + child.error().message);
    if (Status ended = (*child)->AwaitEnd(kVersionPatience, kEndPatience, wait); !ended.ok())
      return Invalid(ended.error().message);
  }
  // "prefixmesh 0.1.0, commit 0123… with uncommitted changes"
  const std::size_t at = said.find("commit ");
  if (!said.starts_with("prefixmesh ") || at == std::string::npos)
    return Invalid(dir + ": its prefixmesh does not tell its commit (--version)");
  build.commit = said.substr(at + 7, said.find(' ', at + 7) - at - 7);
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
  ShutdownSignal signal;
  const auto wait = [&](Time step) { return signal.Wait(step); };
  auto child = Child::Start({"the run in " + request.bin_dir, argv, request.out + ".log", [](const std::string&) {}});
  if (!child.ok()) return child.error();
  if (Status ended = (*child)->AwaitEnd(kRunPatience, kEndPatience, wait); !ended.ok()) return ended.error();
  const std::string exit = (*child)->Exited().value_or("");
  RunOutcome outcome{Verdict::kFailed, request.out + "/result.json", request.out + "/report.html"};
  const Result<nlohmann::json> result = ReadStoredResult(outcome.result_path);
  if (!result.ok())
    return Error{exit == "exit code 2" ? ErrorCode::kInvalid : ErrorCode::kUnavailable,
                 (*child)->name() + " ended with " + exit + " and no result: " + (*child)->LastErrorLine()};
  for (const Verdict verdict : {Verdict::kOk, Verdict::kKilled, Verdict::kUntrusted, Verdict::kSloMissed})
    if (TextAt(*result, "verdict", "") == VerdictName(verdict)) outcome.verdict = verdict;
  return outcome;
}

}  // namespace prefixmesh::bench::ab
