#include "bench/reproduction/reproduction.h"

#include <algorithm>

#include "bench/run/run_folder.h"
#include "impl/router/strategies.h"

namespace prefixmesh::bench {
namespace {

// Twenty minutes fill budgets that are a quarter and an eighth of the defaults, so that what is seen is the plateau.
constexpr double kLongLoad_s = 20 * 60, kLongIdle_s = 60, kLongIndexMib = 8, kLongWindowMib = 2;

ReproductionArm ArmOf(std::string name, std::string strategy, const load::Settings& settings) {
  std::replace(name.begin(), name.end(), '/', '.');
  return {std::move(name), std::move(strategy), settings};
}

}  // namespace

Result<std::vector<ReproductionArm>> ReproductionArms(const load::Settings& settings,
                                                      const std::vector<std::string>& wanted) {
  for (const std::string& name : wanted)
    if (const auto found = FindStrategy(name); !found.ok()) return found.error();
  std::vector<ReproductionArm> arms;
  for (const StrategyDescription& strategy : StrategyDescriptions()) {
    const std::string name(strategy.name);
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), name) == wanted.end()) continue;
    arms.push_back(ArmOf(name, name, settings));
    if (name == "off") {
      arms.push_back(ArmOf("off.text", name, settings));
      arms.back().settings.index.kind = "text";
    }
    if (name == "two-layer") {
      arms.push_back(ArmOf("two-layer.20-min", name, settings));
      load::Settings& long_run = arms.back().settings;
      long_run.phases.load_s = kLongLoad_s;
      long_run.phases.idle_s = kLongIdle_s;
      long_run.index.budget_mib = kLongIndexMib;
      long_run.two_layer.window_mib = kLongWindowMib;
    }
  }
  return arms;
}

Result<std::vector<std::string>> Reproduce(const ReproductionRequest& request, const RunFunction& run,
                                           const SayFunction& say) {
  const Result<FolderLock> all = FolderLock::Take(request.out);
  if (!all.ok()) return all.error();
  std::vector<std::string> files;
  for (const ReproductionArm& arm : request.arms) {
    const std::string folder = request.out + "/" + arm.name, file = folder + "/result.json";
    const std::string who =
        "run " + std::to_string(files.size() + 1) + " of " + std::to_string(request.arms.size()) + ": " + arm.name;
    files.push_back(file);
    const RunRequest made{arm.settings, arm.strategy, request.seed, folder, request.bin_dir};
    if (HoldsRun(made)) {
      say(who + " is there");
      continue;
    }
    if (Exists(folder))
      if (Status moved = MoveAside(folder); !moved.ok()) return moved.error();
    say(who);
    const Result<RunOutcome> outcome = run(made);
    if (!outcome.ok()) return Error{outcome.error().code, arm.name + ": " + outcome.error().message};
    if (outcome->verdict == Verdict::kFailed)
      return Error{ErrorCode::kUnavailable, arm.name + " failed (" + file + "): the same command goes on from here"};
  }
  return files;
}

}  // namespace prefixmesh::bench
