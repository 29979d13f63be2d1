#include "bench/nightly/baseline_build.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "bench/process/run_child.h"
#include "bench/result/field_value.h"
#include "bench/result/json_at.h"
#include "bench/result/read_json.h"
#include "bench/run/run_folder.h"
#include "bench/text/safe_text.h"
#include "impl/base/whole_file.h"

namespace prefixmesh::bench {
namespace {

namespace fs = std::filesystem;

constexpr Time kGitTimeout = std::chrono::minutes(5), kBuildTimeout = std::chrono::hours(3);
constexpr int kSecondsBetweenNews = 20;
constexpr const char* kLastPassedName = "/last-passed.json";

struct GitAnswer {
  ChildEnd end;
  std::string first_line;
};
Result<GitAnswer> Git(std::vector<std::string> arguments) {
  GitAnswer answer;
  arguments.insert(arguments.begin(), {"/usr/bin/env", "git"});
  const auto hear = [&](const std::string& line) {
    if (answer.first_line.empty()) answer.first_line = line;
  };
  const std::string log = std::string(kBaselinesFolder) + "/git.log";
  Result<ChildEnd> end = RunChild({"git", arguments, log, hear}, kGitTimeout);
  if (!end.ok()) return end.error();
  answer.end = std::move(*end);
  return answer;
}

std::string LastLine(const std::string& file) {
  std::ifstream in(file);
  std::string line, last;
  while (std::getline(in, line))
    if (!line.empty()) last = line;
  return last;
}

Status RunBuild(const std::string& name, const std::string& dir, std::vector<std::string> argv,
                const std::function<void(const std::string&)>& say) {
  const std::string log = dir + ".log";
  int seconds = 0;
  const auto news = [&] {
    if (++seconds % kSecondsBetweenNews == 0)
      say("building the baseline " + name + ", " + std::to_string(seconds) + " s: " + Shortened(LastLine(log), 60));
  };
  const Result<ChildEnd> end =
      RunChild({"the build of " + name, std::move(argv), log, [](const std::string&) {}}, kBuildTimeout, news);
  if (!end.ok()) return end.error();
  if (end->clean()) return {};
  return Error{ErrorCode::kUnavailable, "the baseline " + name + " does not build (" + log + "): " + end->last_error};
}

}  // namespace

Result<ab::Build> BuildBaseline(const std::string& revision, const ab::Build& own,
                                const std::function<void(const std::string&)>& say) {
  std::error_code error;
  fs::create_directories(kBaselinesFolder, error);
  if (error) return Error{ErrorCode::kUnavailable, std::string(kBaselinesFolder) + ": " + error.message()};
  const Result<GitAnswer> parsed =
      Git({"rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}"});
  if (!parsed.ok()) return parsed.error();
  const std::string commit = parsed->first_line;
  if (!parsed->end.clean() || commit.size() < 12)
    return Error{ErrorCode::kNotFound, "no commit '" + revision + "' here" +
                                           (parsed->end.last_error.empty() ? "" : ": " + parsed->end.last_error)};
  if (commit == own.commit && !own.dirty) return own;
  const std::string name = commit.substr(0, 8);
  const std::string dir = fs::absolute(kBaselinesFolder).string() + "/" + commit.substr(0, 12);
  const std::string build_dir = dir + "/build/release";
  if (const Result<ab::Build> there = ab::FindBuild(build_dir); there.ok() && there->commit == commit && !there->dirty)
    return there;
  // Builds of other baselines, and what is left of one of this commit.
  std::vector<std::string> old;
  for (const fs::directory_entry& each : fs::directory_iterator(kBaselinesFolder, error))
    if (each.is_directory()) old.push_back(fs::absolute(each.path()).string());
  for (const std::string& each : old) {
    if (const Result<GitAnswer> removed = Git({"worktree", "remove", "--force", each}); !removed.ok())
      return removed.error();
    fs::remove_all(each, error);
  }
  (void)Git({"worktree", "prune"});
  const Result<GitAnswer> added = Git({"worktree", "add", "--detach", dir, commit});
  if (!added.ok()) return added.error();
  if (!added->end.clean())
    return Error{ErrorCode::kUnavailable, "no worktree of " + name + ": " + added->end.last_error};
  say("building the baseline " + name);
  if (Status built = RunBuild(name, dir, {dir + "/run", "--no-install", "--build-only"}, say); !built.ok())
    return built.error();
  // For [micro]; a baseline that does not build it is compared without.
  const Status micro =
      RunBuild(name, dir, {"/usr/bin/env", "cmake", "--build", build_dir, "--target", "bench_micro"}, say);
  if (!micro.ok() && micro.error().code == ErrorCode::kInterrupted) return micro.error();
  Result<ab::Build> build = ab::FindBuild(build_dir);
  if (!build.ok()) return Error{ErrorCode::kUnavailable, build.error().message};
  return build;
}

Result<std::optional<std::string>> LastPassed(const std::string& store) {
  const std::string file = store + kLastPassedName;
  if (!Exists(file)) return std::optional<std::string>();
  const Result<nlohmann::json> json = ReadJson(file);
  if (!json.ok()) return json.error();
  const std::string commit = TextAt(*json, "commit", "");
  if (commit.empty())
    return Error{ErrorCode::kInvalid, file + ": names no commit; --baseline COMMIT says what to pair with"};
  return std::optional(commit);
}

Status KeepLastPassed(const std::string& store, const std::string& commit, const std::string& night) {
  const nlohmann::json json = {{"commit", commit}, {"night", night}};
  return WriteWholeFile(store + kLastPassedName, json.dump(1) + "\n");
}

}  // namespace prefixmesh::bench
