#include "bench/nightly/night_tools.h"

#include <filesystem>
#include <memory>

#include "bench/ab/builds.h"
#include "bench/process/run_child.h"
#include "bench/run/run_folder.h"
#include "impl/base/whole_file.h"
#include "impl/env/real/process.h"

namespace prefixmesh::bench {
namespace {

namespace fs = std::filesystem;

constexpr Time kMicroTimeout = std::chrono::minutes(10);
constexpr Time kProfileTimeout = std::chrono::hours(2);
constexpr Time kFuzzBuildTimeout = std::chrono::hours(1);
constexpr const char* kFuzzScript = "tests/fuzz/run.sh";

Result<std::string> RunMicro(const std::string& bin_dir, const MicroCell& cell, const std::string& file) {
  const std::string program = bin_dir + "/bench_micro";
  if (!Exists(program))
    return Error{ErrorCode::kNotFound,
                 program + " is not there: ninja -C " + fs::path(bin_dir).parent_path().string() + " bench_micro"};
  std::error_code error;
  fs::create_directories(fs::path(file).parent_path(), error);
  const Result<ChildEnd> end = RunChild(
      {"bench_micro of " + bin_dir,
       {program, "--benchmark_filter=" + cell.filter, "--benchmark_out=" + file, "--benchmark_out_format=json"},
       file + ".log",
       [](const std::string&) {}},
      kMicroTimeout);
  if (!end.ok()) return end.error();
  if (!end->clean())
    return Error{ErrorCode::kUnavailable, program + " ended with " + end->exit + ": " + end->last_error};
  return ReadWholeFile(file, kMicroBytesMax);
}

Result<profiles::HeapProfile> RunProfile(const std::string& bin_dir, const ProfileCell& cell, const std::string& out) {
  std::error_code error;
  fs::create_directories(fs::path(out).parent_path(), error);
  std::vector<std::string> argv = {bin_dir + "/prefixmesh", "profile", "--scenario", cell.scenario, "--strategy",
                                   cell.strategy,           "--out",   out};
  for (const std::string& each : cell.set) argv.insert(argv.end(), {"--set", each});
  const Result<ChildEnd> end =
      RunChild({"the profile in " + bin_dir, argv, out + ".log", [](const std::string&) {}}, kProfileTimeout);
  if (!end.ok()) return end.error();
  const std::string file = out + "/heap.txt";
  const Result<std::string> text = ReadWholeFile(file, profiles::kProfileBytesMax);
  if (!text.ok())  // exit 2: no heaptrack, or a build that has no `profile`
    return Error{end->exit == "exit code 2" ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
                 "no heap profile by " + bin_dir + " (" + end->exit + "): " + end->last_error};
  return profiles::ParseProfile(*text, file);
}

// The script builds the targets, runs each, and says of each "== NAME", then what was found.
Result<FuzzOutcome> RunFuzz(const FuzzCell& cell, const std::string& log,
                            const std::function<void(const std::string&)>& say) {
  if (!Exists(kFuzzScript))
    return Error{ErrorCode::kNotFound,
                 std::string(kFuzzScript) + " is not there: nights with [fuzz] begin in a checkout"};
  std::vector<std::string> argv = {"/usr/bin/env", "bash", kFuzzScript, std::to_string(cell.seconds) + "s"};
  argv.insert(argv.end(), cell.targets.begin(), cell.targets.end());
  FuzzOutcome outcome;
  const auto hear = [&](const std::string& line) {
    if (line.starts_with("== ")) {
      outcome.targets.push_back(line.substr(3));
      say("fuzz: " + line.substr(3) + ", " + std::to_string(cell.seconds) + " s");
    } else if (line.find("ERROR") != std::string::npos || line.find("runtime error") != std::string::npos ||
               line.starts_with("kept ")) {
      outcome.found.push_back((outcome.targets.empty() ? "" : outcome.targets.back() + ": ") + line);
    }
  };
  say("fuzz: building the targets");
  const auto timeout = kFuzzBuildTimeout + std::chrono::seconds(cell.seconds + 120) * kCellsMax;
  const Result<ChildEnd> end = RunChild({kFuzzScript, argv, log, hear}, timeout);
  if (!end.ok()) return end.error();
  if (end->exit == "exit code 2") return Error{ErrorCode::kNotFound, end->last_error};
  // Targets that no longer build are this tree's fault, and no reason to end the night.
  if (!end->clean() && outcome.found.empty())
    outcome.found.push_back("targets: " + std::string(kFuzzScript) + " ended with " + end->exit + ": " +
                            end->last_error);
  return outcome;
}

}  // namespace

NightTools RealNightTools() {
  const auto signal = std::make_shared<ShutdownSignal>();
  const auto asked = [signal, was = false]() mutable { return was = was || signal->Wait(Time(0)); };
  return {asked, ab::RunInBuild, RunMicro, RunProfile, RunFuzz};
}

}  // namespace prefixmesh::bench
