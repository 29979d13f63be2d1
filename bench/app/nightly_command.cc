#include "bench/app/nightly_command.h"

#include <spdlog/spdlog.h>

#include <cstdio>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "bench/ab/builds.h"
#include "bench/app/output.h"
#include "bench/app/scenario_arguments.h"
#include "bench/build_info.h"
#include "bench/nightly/baseline_build.h"
#include "bench/nightly/counters.h"
#include "bench/nightly/night_output.h"
#include "bench/nightly/suite_check.h"
#include "bench/result/json_at.h"
#include "bench/result/read_json.h"
#include "bench/result/utc.h"
#include "bench/run/run_folder.h"
#include "bench/text/safe_text.h"
#include "impl/app/number_from.h"
#include "impl/base/whole_file.h"

namespace prefixmesh::bench {
namespace {

constexpr const char* kPlanName = "night-plan.json";

// A night that was stopped keeps its name, or its runs would be two nights of the history. Returns the name.
Result<std::string> OpenNight(const std::string& out, const NightRequest& request) {
  const std::string file = out + "/" + kPlanName;
  const nlohmann::json plan = {{"suite", request.suite.name},
                               {"suite_text", request.suite.text},
                               {"build", request.build.name},
                               {"baseline", request.baseline.name}};
  if (!Exists(file)) {
    nlohmann::json named = plan;
    named["night"] = request.name;
    if (Status written = WriteWholeFile(file, named.dump(1) + "\n"); !written.ok()) return written.error();
    return request.name;
  }
  Result<nlohmann::json> before = ReadJson(file);
  if (!before.ok()) return before.error();
  if (Exists(out + "/night.json"))
    return Invalid("--out " + out + ": it holds a finished night; choose an empty folder");
  const std::string name = TextAt(*before, "night", "");
  if (before->is_object()) before->erase("night");
  if (*before != plan || !IsFileName(name))
    return Invalid("--out " + out +
                   ": it holds another night (suite, build or baseline differ); choose an empty folder");
  return name;
}

Status WriteNight(const NightRequest& request, const Night& night) {
  const std::string json =
      NightJson(request, night).dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  for (const auto& [name, text] : {std::pair{"/summary.md", NightMarkdown(request, night)},
                                   std::pair{"/junit.xml", NightJUnit(request, night)}, std::pair{"/night.json", json}})
    if (Status written = WriteWholeFile(request.out + name, text); !written.ok()) return written;
  return {};
}

// What the real runs are paired with. A baseline that cannot be built is no error: the night says so. `baselines` is to
// be held as long as its build is used: another night would make room for its own.
Status ChooseBaseline(const NightlyArguments& arguments, NightRequest& request, std::optional<FolderLock>& baselines) {
  const auto take = [&](const ab::Build& build) {
    request.baseline = {build.bin_dir, build.Name(), build.commit, build.dirty};
  };
  if (!arguments.baseline_build.empty()) {
    const Result<ab::Build> build = ab::FindBuild(arguments.baseline_build);
    if (!build.ok()) return build.error();
    take(*build);
    return {};
  }
  std::string revision = arguments.baseline;
  if (revision.empty()) {
    const Result<std::optional<std::string>> last = LastPassed(request.store);
    if (!last.ok()) return last.error();
    revision = last->value_or("");
  }
  // Before a night has passed, and when nothing changed since: this build beside itself, which shows the noise.
  if (revision.empty() || (revision == request.build.commit && !request.build.dirty)) {
    request.baseline = request.build;
    return {};
  }
  Result<FolderLock> lock = FolderLock::Take(kBaselinesFolder, "baselines in");
  if (!lock.ok()) return lock.error();
  baselines.emplace(std::move(*lock));
  const ab::Build own{request.build.bin_dir, request.build.commit, request.build.dirty};
  const Result<ab::Build> build = BuildBaseline(revision, own, SayBetweenRuns);
  if (!build.ok() && build.error().code == ErrorCode::kInterrupted) return build.error();
  if (!build.ok() && !arguments.baseline.empty() && build.error().code == ErrorCode::kNotFound)
    return Invalid("--baseline: " + build.error().message);
  if (build.ok())
    take(*build);
  else
    request.no_baseline = build.error().message;
  return {};
}

int Accept(const NightlyArguments& arguments, const Suite& suite) {
  if (suite.counters.empty()) return Fail("--accept: the suite " + suite.name + " counts nothing");
  const Counters now = CountOnVirtualTime(suite.counters, SayBetweenRuns);
  const std::string path = GoldenPath(arguments.results);
  const Result<Counters> golden = ReadGolden(path);
  if (Status accepted = AcceptGolden(path, now, UtcText(std::time(nullptr)), BuildCommit() + (BuildDirty() ? "+" : ""),
                                     arguments.accept);
      !accepted.ok())
    return Fail(accepted.error());
  std::printf("accepted  %s  (%zu counters, %zu of them changed)\n", path.c_str(), now.size(),
              ChangesOf(golden.ok() ? *golden : Counters{}, now).size());
  return 0;
}

}  // namespace

CLI::App* NightlyArguments::AddTo(CLI::App& app) {
  command = app.add_subcommand("nightly",
                               "a suite of scenarios and strategies against what was, with an exit code to believe");
  command->add_option("--suite", suite, "short, full, or a .toml file (docs/nightly.md)")->capture_default_str();
  CLI::Option* revision =
      command->add_option("--baseline", baseline,
                          "the commit whose build the real runs are paired with [that of the last night that passed]");
  command->add_option("--baseline-build", baseline_build, "the same as a build folder that is there already")
      ->excludes(revision);
  command->add_option("--store", store, "the folder with the history of nights")->capture_default_str();
  command->add_option("--keep-days", keep_days, "how long the store keeps whole results")
      ->capture_default_str()
      ->check(WholeFrom(1, 3650));
  command->add_option("--results", results, "the folder with golden figures and recorded runs")->capture_default_str();
  command->add_option("--out", out, "folder for the night; a new one under runs/ by default");
  command->add_option("--accept", accept,
                      "make today's counters the golden ones, for this reason, and run nothing else");
  return command;
}

int RunNightly(const NightlyArguments& arguments) {
  spdlog::set_level(spdlog::level::off);  // of simulated routers, which part and meet again
  const Result<Suite> suite = LoadSuite(arguments.suite);
  if (!suite.ok()) return Fail(suite.error());
  if (arguments.results == NightlyArguments().results && !std::filesystem::is_directory(arguments.results))
    return Fail("no folder " + arguments.results +
                "/ here, with golden figures; where there is one, or a new one: --results DIR");
  if (arguments.command->count("--accept") > 0) {
    if (arguments.accept.empty()) return Fail("--accept: say why");
    return Accept(arguments, *suite);
  }
  if (arguments.out == arguments.store) return Fail("--out and --store are the same folder");
  NightRequest request;
  request.suite = *suite;
  request.results = arguments.results;
  request.store = arguments.store;
  request.keep_days = arguments.keep_days;
  request.now_unix_s = std::time(nullptr);
  request.name = UtcCompactText(request.now_unix_s);
  request.build = {OwnFolder(), BuildCommit().substr(0, 8) + (BuildDirty() ? "+" : ""), BuildCommit(), BuildDirty()};
  if (Status sound = CheckSuite(request, SayBetweenRuns); !sound.ok()) return Fail(sound.error());
  const Result<FolderLock> store = FolderLock::Take(request.store, "--store");
  if (!store.ok()) return Fail(store.error());
  std::optional<FolderLock> baselines;
  if (Status chosen = ChooseBaseline(arguments, request, baselines); !chosen.ok()) return Fail(chosen.error());
  const Result<std::string> out = arguments.out.empty()
                                      ? NewRunFolder("nightly-" + std::filesystem::path(suite->name).stem().string())
                                      : arguments.out;
  if (!out.ok()) return Fail(out.error());
  request.out = *out;
  const Result<FolderLock> folder = FolderLock::Take(request.out);
  if (!folder.ok()) return Fail(folder.error());
  const Result<std::string> name = OpenNight(request.out, request);
  if (!name.ok()) return Fail(name.error());
  request.name = *name;
  Result<Night> night = RunNight(request, RealNightTools(), SayBetweenRuns);
  if (!night.ok()) {
    const int failed = Fail(night.error());
    if (night.error().code == ErrorCode::kInterrupted && !request.build.dirty)
      std::fprintf(stderr, "prefixmesh nightly --out %s with the same arguments goes on from here\n",
                   request.out.c_str());
    return failed;
  }
  const std::vector<std::string> notes =
      ApplyMutes(suite->mutes, UtcText(request.now_unix_s).substr(0, 10), night->findings);
  night->notes.insert(night->notes.end(), notes.begin(), notes.end());
  if (Status written = WriteNight(request, *night); !written.ok()) {
    std::printf("%s", NightText(request, *night).c_str());  // or what was found would be lost
    return Fail(written.error());
  }
  const int code = NightExitCode(night->findings);
  if (code == 0 && !request.build.dirty) {
    if (Status kept = KeepLastPassed(request.store, request.build.commit, request.name); !kept.ok())
      return Fail(kept.error());
  }
  std::printf("%ssummary  %s/summary.md\n", NightText(request, *night).c_str(), request.out.c_str());
  return code;
}

}  // namespace prefixmesh::bench
