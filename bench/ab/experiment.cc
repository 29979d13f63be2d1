#include "bench/ab/experiment.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <span>

#include "bench/build_info.h"
#include "bench/process/proc.h"
#include "bench/result/read_json.h"
#include "bench/run/run_folder.h"
#include "impl/base/nesting.h"
#include "impl/base/whole_file.h"
#include "loadgen/plan/plan.h"

namespace prefixmesh::bench::ab {
namespace {

namespace fs = std::filesystem;

// Both arms must send the same requests at the same times; known before anything starts.
Status CheckPlans(const ExperimentRequest& request) {
  std::string first;
  for (const Arm& arm : request.arms) {
    const Result<load::Plan> plan = load::BuildPlan(arm.settings, request.seed);
    if (!plan.ok()) return plan.error();
    const std::string fingerprint = load::FingerprintText(plan->fingerprint());
    if (first.empty()) first = fingerprint;
    if (fingerprint != first)
      return Invalid("arm '" + arm.text + "' would not run the plan of arm '" + request.arms.front().text +
                     "': its own settings change the load; set them for all arms with --set");
  }
  return {};
}

std::string PlanText(const ExperimentRequest& request) {
  nlohmann::ordered_json arms = nlohmann::ordered_json::array();
  for (const Arm& arm : request.arms)
    arms.push_back({{"name", arm.name},
                    {"arm", arm.text},
                    {"index_kind", arm.index_kind},
                    {"beside", arm.beside},
                    {"scenario", nlohmann::ordered_json::parse(load::SettingsToJson(arm.settings))}});
  nlohmann::ordered_json order = nlohmann::ordered_json::array();
  for (const ScheduledRun& run : MakeSchedule(request.pairs, request.arms.size(), request.seed)) {
    if (order.size() <= run.pair) order.push_back("");
    order[run.pair] = order[run.pair].get<std::string>() + request.arms[run.arm].name;
  }
  const Machine machine = ReadMachine();
  const nlohmann::ordered_json plan = {{"pairs", request.pairs},
                                       {"seed", request.seed},
                                       {"order", order},
                                       {"arms", arms},
                                       {"build",
                                        {{"commit", BuildCommit()},
                                         {"dirty", request.dirty_build},
                                         {"compiler", BuildCompiler()},
                                         {"flags", BuildFlags()}}},
                                       {"machine",
                                        {{"cpu", machine.cpu},
                                         {"cores", machine.cores},
                                         {"memory_bytes", machine.memory_bytes},
                                         {"kernel", machine.kernel}}}};
  return plan.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

// The first key in which two plans differ, for the error line.
std::string FirstDifference(const nlohmann::ordered_json& there, const nlohmann::ordered_json& here,
                            const std::string& at = "") {
  if (there.type() != here.type() || !here.is_structured() || there.size() != here.size()) return at;
  std::size_t place = 0;
  for (auto item = here.begin(); item != here.end(); ++item, ++place) {
    const std::string key = here.is_object() ? item.key() : std::to_string(place);
    const nlohmann::ordered_json other = here.is_object() ? there.value(key, nlohmann::ordered_json()) : there[place];
    if (other != *item) return FirstDifference(other, *item, at + (at.empty() ? "" : ".") + key);
  }
  return at;
}

// True when a stopped A/B is to be continued.
Result<bool> OpenFolder(const ExperimentRequest& request) {
  const std::string plan_file = request.out + "/ab-plan.json", plan = PlanText(request);
  std::error_code error;
  if (Exists(request.out + "/ab.json"))
    return Invalid("--out " + request.out + ": it holds a finished A/B (ab.json); choose an empty folder");
  if (!Exists(plan_file)) {
    if (!fs::is_empty(request.out, error) || error)
      return Invalid("--out " + request.out + ": it holds something else; choose an empty folder");
    if (Status written = WriteWholeFile(plan_file, plan); !written.ok()) return written.error();
    return false;
  }
  const Result<std::string> text = ReadWholeFile(plan_file, kJsonFileBytesMax);
  if (!text.ok()) return text.error();
  if (*text != plan) {
    nlohmann::ordered_json there;
    if (CheckNesting(*text).ok()) there = nlohmann::ordered_json::parse(*text, nullptr, false);
    const std::string where =
        there.is_object() ? FirstDifference(there, nlohmann::ordered_json::parse(plan)) : "not JSON";
    return Invalid("--out " + request.out + ": it holds another A/B (ab-plan.json differs in " +
                   (where.empty() ? "its form" : where) + "); choose an empty folder");
  }
  if (request.dirty_build)
    return Invalid("--out " + request.out +
                   ": a stopped A/B of a dirty build cannot be continued: nothing says that the build is the same");
  return true;
}

std::string FolderOf(const ExperimentRequest& request, const ScheduledRun& run) {
  char pair[32] = "warm-up";
  if (run.pair > 0) std::snprintf(pair, sizeof pair, "pair-%02zu", run.pair);
  return request.out + "/" + pair + "/" + request.arms[run.arm].name;
}

constexpr char kUntrusted[] = ".untrusted-1";

std::string TimeLeft(double seconds) {
  char text[48];
  if (seconds < 90) std::snprintf(text, sizeof text, "about %.0f s left", seconds);
  if (seconds >= 90) std::snprintf(text, sizeof text, "about %.0f min left", seconds / 60);
  return text;
}

class Experimenter {
 public:
  Experimenter(const ExperimentRequest& request, const RunFunction& run, const SayFunction& say)
      : request_(request), run_(run), say_(say) {
    experiment_.request = request;
  }

  Status Make(const ScheduledRun& scheduled, std::size_t done, std::size_t all) {
    const Arm& arm = request_.arms[scheduled.arm];
    const std::string folder = FolderOf(request_, scheduled), file = folder + "/result.json";
    const std::string who = Who(scheduled);
    if (Exists(file)) {
      const Result<RunFacts> facts = ReadRun(file, request_.metrics);
      if (facts.ok() && !facts->failed() && facts->strategy == arm.strategy) return Keep(scheduled, *facts);
    }
    if (Exists(folder)) {
      if (Status moved = MoveAside(folder); !moved.ok()) return moved;
    }
    double expected_s = arm.settings.phases.warmup_s + arm.settings.phases.load_s + arm.settings.phases.idle_s + 4;
    say_("run " + std::to_string(done + 1) + " of " + std::to_string(all) + ": " + who + ", " +
         TimeLeft(expected_s * static_cast<double>(all - done)));
    RunRequest run;
    run.settings = arm.settings;
    run.strategy = arm.strategy;
    run.seed = scheduled.workload_seed;
    run.out = folder;
    run.bin_dir = arm.bin_dir.empty() ? request_.bin_dir : arm.bin_dir;
    const Result<RunOutcome> outcome = run_(run);
    // What makes a run of the warm-up impossible is the input's fault; later it is the world's.
    if (!outcome.ok()) {
      const ErrorCode code = outcome.error().code;
      const bool kept = scheduled.pair == 0 || code == ErrorCode::kInterrupted;
      return Error{kept ? code : ErrorCode::kUnavailable, who + ": " + outcome.error().message};
    }
    const Result<RunFacts> facts = ReadRun(file, request_.metrics);
    if (!facts.ok()) return Error{ErrorCode::kUnavailable, facts.error().message};
    if (Status same = CheckPlanOf(scheduled, *facts, who); !same.ok()) return same;
    if (facts->failed()) return Error{ErrorCode::kUnavailable, who + " failed (" + facts->why + ")"};
    return Keep(scheduled, *facts);
  }

  // Of a block whose runs are all there: each untrusted one once more, after the others.
  Status MakeUntrustedAgain(std::span<const ScheduledRun> block, std::size_t done, std::size_t all) {
    for (const ScheduledRun& scheduled : block) {
      const std::string folder = FolderOf(request_, scheduled);
      const auto kept = std::find_if(experiment_.runs.begin(), experiment_.runs.end(), [&](const FinishedRun& run) {
        return run.scheduled.pair == scheduled.pair && run.scheduled.arm == scheduled.arm;
      });
      if (kept == experiment_.runs.end()) continue;  // the warm-up
      if (Exists(folder + kUntrusted)) {             // before this A/B was stopped
        std::rotate(kept, kept + 1, experiment_.runs.end());
      } else if (!kept->facts.comparable() && !kept->facts.killed()) {
        say_(Who(scheduled) + " was untrusted, once more: " + kept->facts.why);
        experiment_.runs.erase(kept);
        if (Status moved = MoveAside(folder, "untrusted"); !moved.ok()) return moved;
        if (Status made = Make(scheduled, done - 1, all); !made.ok()) return made;
      }
    }
    return {};
  }

  Experiment Take() { return std::move(experiment_); }

 private:
  std::string Who(const ScheduledRun& scheduled) const {
    const Arm& arm = request_.arms[scheduled.arm];
    return (scheduled.pair == 0 ? "warm-up" : "pair " + std::to_string(scheduled.pair)) + ", arm " + arm.name + " (" +
           arm.text + ")";
  }

  Status Keep(const ScheduledRun& scheduled, const RunFacts& facts) {
    if (scheduled.pair > 0) experiment_.runs.push_back({scheduled, facts});
    return {};
  }

  // Two builds can make different plans of the same scenario: then there is nothing to compare.
  Status CheckPlanOf(const ScheduledRun& scheduled, const RunFacts& facts, const std::string& who) {
    if (!DifferentBuilds(request_.arms) || facts.plan_fingerprint.empty()) return {};
    const auto [first, is_new] = plans_.emplace(scheduled.workload_seed, facts.plan_fingerprint);
    if (is_new || first->second == facts.plan_fingerprint) return {};
    return Invalid(who +
                   " ran another plan than the arm before it: the two builds make different plans of this scenario");
  }

  const ExperimentRequest& request_;
  const RunFunction& run_;
  const SayFunction& say_;
  std::map<std::uint64_t, std::string> plans_;  // by workload seed
  Experiment experiment_;
};

// Runs that were made again, whoever moved them aside.
std::vector<std::string> RunsMadeAgain(const Experiment& experiment) {
  std::vector<std::string> notes;
  for (const FinishedRun& run : experiment.runs) {
    const std::string folder = FolderOf(experiment.request, run.scheduled), untrusted = folder + kUntrusted;
    if (Exists(untrusted)) {
      const Result<RunFacts> first = ReadRun(untrusted + "/result.json", experiment.request.metrics);
      notes.push_back("pair " + std::to_string(run.scheduled.pair) + ", arm " +
                      experiment.request.arms[run.scheduled.arm].name +
                      " was made again, the first was untrusted: " + (first.ok() ? first->why : first.error().message));
    }
    int again = 0;
    while (Exists(folder + ".failed-" + std::to_string(again + 1))) ++again;
    if (again > 0)
      notes.push_back("pair " + std::to_string(run.scheduled.pair) + ", arm " +
                      experiment.request.arms[run.scheduled.arm].name + " was made again after " +
                      std::to_string(again) + " that failed or were cut short");
  }
  return notes;
}

}  // namespace

Result<Experiment> RunExperiment(const ExperimentRequest& request, const RunFunction& run, const SayFunction& say) {
  if (Status same = CheckPlans(request); !same.ok()) return same.error();
  const Result<FolderLock> folder = FolderLock::Take(request.out);
  if (!folder.ok()) return folder.error();
  const Result<bool> resumed = OpenFolder(request);
  if (!resumed.ok()) return resumed.error();
  if (*resumed) say("going on with the A/B in " + request.out);
  const std::vector<ScheduledRun> schedule = MakeSchedule(request.pairs, request.arms.size(), request.seed);
  Experimenter experimenter(request, run, say);
  for (std::size_t begin = 0; begin < schedule.size(); begin += request.arms.size()) {
    const std::span block(schedule.data() + begin, request.arms.size());
    for (std::size_t i = 0; i < block.size(); ++i)
      if (Status made = experimenter.Make(block[i], begin + i, schedule.size()); !made.ok()) return made.error();
    if (Status again = experimenter.MakeUntrustedAgain(block, begin + block.size(), schedule.size()); !again.ok())
      return again.error();
  }
  Experiment experiment = experimenter.Take();
  experiment.notes = RunsMadeAgain(experiment);
  return experiment;
}

}  // namespace prefixmesh::bench::ab
