#include "bench/app/ab_command.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench/ab/ab_json.h"
#include "bench/ab/ab_report.h"
#include "bench/ab/ab_table.h"
#include "bench/ab/builds.h"
#include "bench/ab/compare.h"
#include "bench/app/output.h"
#include "bench/build_info.h"
#include "bench/result/read_json.h"
#include "impl/app/number_from.h"
#include "impl/base/whole_file.h"
#include "impl/env/real/process.h"
#include "loadgen/settings/metrics.h"

namespace prefixmesh::bench {
namespace {

Result<std::vector<std::string>> ArmTexts(const AbArguments& arguments) {
  const bool two = !arguments.a.empty() || !arguments.b.empty();
  if (two == !arguments.arms.empty() || (two && (arguments.a.empty() || arguments.b.empty())))
    return Error{ErrorCode::kInvalid, "give either --a S1 and --b S2, or --arms S1,S2,… (see --help)"};
  if (two) return std::vector<std::string>{arguments.a, arguments.b};
  return ab::SplitArms(arguments.arms);
}

// The arms of two builds: one strategy, unless --a and --b name two.
Result<std::vector<std::string>> ArmTextsOfBuilds(const AbArguments& arguments, const load::Settings& settings) {
  if (arguments.build_a.empty() || arguments.build_b.empty())
    return Invalid("give both --build-a DIR and --build-b DIR");
  if (!arguments.arms.empty()) return Invalid("--arms has no builds; give --a and --b, or neither");
  const auto text = [&](const std::string& given) { return given.empty() ? settings.strategy : given; };
  std::vector<std::string> texts = {text(arguments.a), text(arguments.b)};
  for (const std::string& each : texts)
    if (each.find(':') != std::string::npos)
      return Invalid("arm '" + each + "': with --build-a and --build-b settings are for both, by --set");
  return texts;
}

Status SetBuilds(const AbArguments& arguments, std::vector<ab::Arm>& arms, bool& dirty) {
  dirty = false;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    const Result<ab::Build> build = ab::FindBuild(i == 0 ? arguments.build_a : arguments.build_b);
    if (!build.ok()) return build.error();
    ab::SetBuild(arms[i], build->bin_dir, build->Name());
    dirty = dirty || build->dirty;
  }
  return {};
}

Status WriteOutputs(const ab::Experiment& experiment, const ab::Analysis& analysis) {
  const std::string text =
      ab::AbJson(experiment, analysis).dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  const std::string& out = experiment.request.out;
  if (Status written = WriteWholeFile(out + "/report.html", ab::RenderAbReport(experiment, analysis)); !written.ok())
    return written;
  return WriteWholeFile(out + "/ab.json", text);  // last: it says that all of it is there
}

}  // namespace

CLI::App* AbArguments::AddTo(CLI::App& app) {
  CLI::App* command = app.add_subcommand("ab", "which of two strategies is better: paired runs, statistics, a verdict");
  command->add_option("--a", a, "the arm to compare with: STRATEGY, or STRATEGY:key=value for settings of its own");
  command->add_option("--b", b, "the arm to judge; the same as --a shows this machine's noise");
  command->add_option("--arms", arms, "many arms, S1,S2,…: each is compared with the first, in randomised blocks");
  command->add_option("--build-a", build_a, "the build folder whose prefixmesh makes the runs of A (builds.h)");
  command->add_option("--build-b", build_b, "that of B; without --a and --b both arms are the scenario's strategy");
  command->add_option("--pairs", pairs, "at least 9 for a verdict")
      ->capture_default_str()
      ->check(WholeFrom(1, ab::kPairsMax));
  command->add_flag("--mixed-index", mixed_index,
                    "allow arms on different index kinds; runs `off` on both beside them");
  command->add_flag("--mixed-policy", mixed_policy, "allow arms with different [route] settings");
  scenario.AddTo(*command);
  command->add_option("--out", out, "folder for all runs, ab.json and report.html; a new one under runs/ by default");
  return command;
}

int RunAb(const AbArguments& arguments) {
  const bool builds = !arguments.build_a.empty() || !arguments.build_b.empty();
  const Result<load::Settings> settings = arguments.scenario.Resolve();
  if (!settings.ok()) return Fail(settings.error().message);
  if (Status slos = CheckSlos(*settings); !slos.ok()) return Fail(slos.error().message);
  const Result<std::vector<std::string>> texts = builds ? ArmTextsOfBuilds(arguments, *settings) : ArmTexts(arguments);
  if (!texts.ok()) return Fail(texts.error().message);
  Result<std::vector<ab::Arm>> arms =
      ab::ResolveArms({*texts, *settings, arguments.mixed_index, arguments.mixed_policy});
  if (!arms.ok()) return Fail(arms.error().message);
  Result<std::vector<ab::ReadableMetric>> metrics = ab::ReadableMetrics(load::MetricsOf(*settings));
  if (!metrics.ok()) return Fail(metrics.error().message);
  ab::ExperimentRequest request;
  request.dirty_build = BuildDirty();
  if (builds) {
    if (Status set = SetBuilds(arguments, *arms, request.dirty_build); !set.ok()) return Fail(set.error());
  }
  request.arms = std::move(*arms);
  request.metrics = std::move(*metrics);
  request.pairs = arguments.pairs;
  request.seed = arguments.scenario.seed;
  const ShutdownSignal signal;  // from the first trace that it leaves
  const Result<std::string> out = arguments.out.empty() ? NewRunFolder("ab-" + settings->scenario) : arguments.out;
  if (!out.ok()) return Fail(out.error());
  request.out = *out;
  request.bin_dir = OwnFolder();
  if (request.pairs < ab::kPairsMin)
    std::fprintf(stderr, "%zu %s: figures only, a verdict takes at least %zu (--pairs)\n", request.pairs,
                 request.pairs == 1 ? "pair" : "pairs", ab::kPairsMin);
  const std::vector<std::string> scenario_arguments = arguments.scenario.AsArguments();
  const auto run_in_build = [&](const RunRequest& run) { return ab::RunInBuild(scenario_arguments, run); };
  const Result<ab::Experiment> experiment = builds ? ab::RunExperiment(request, run_in_build, SayBetweenRuns)
                                                   : ab::RunExperiment(request, Run, SayBetweenRuns);
  if (!experiment.ok()) {
    if (arguments.out.empty()) RemoveIfEmpty(request.out);
    const bool stopped =
        experiment.error().code == ErrorCode::kUnavailable || experiment.error().code == ErrorCode::kInterrupted;
    return Fail(
        {experiment.error().code,
         experiment.error().message + (stopped && !request.dirty_build ? ": the same command goes on from here" : "")});
  }
  const ab::Analysis analysis = ab::Analyse(*experiment);
  if (Status written = WriteOutputs(*experiment, analysis); !written.ok()) return Fail(written.error().message, 1);
  std::printf("%s\nresult  %s/ab.json\nreport  %s/report.html\n", ab::RenderAbTable(*experiment, analysis).c_str(),
              request.out.c_str(), request.out.c_str());
  return ab::AbExitCode(analysis.verdict);
}

CLI::App* CompareArguments::AddTo(CLI::App& app) {
  CLI::App* command = app.add_subcommand("compare", "two stored results side by side; one pair, so no verdict");
  command->add_option("a", a, "a result file or run folder")->required();
  command->add_option("b", b, "the one to put beside it")->required();
  return command;
}

int RunCompare(const CompareArguments& arguments) {
  const Result<std::vector<ab::ReadableMetric>> metrics = ab::ReadableMetrics(load::MetricsOf({}));
  if (!metrics.ok()) return Fail(metrics.error().message);
  const Result<ab::RunFacts> a = ab::ReadRun(arguments.a, *metrics), b = ab::ReadRun(arguments.b, *metrics);
  if (!a.ok()) return Fail(a.error().message);
  if (!b.ok()) return Fail(b.error().message);
  const Result<std::string> text = ab::RenderComparison(*a, *b, *metrics);
  if (!text.ok()) return Fail(text.error().message);
  std::printf("%s", text->c_str());
  return 0;
}

}  // namespace prefixmesh::bench
