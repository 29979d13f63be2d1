// Start here for the program `prefixmesh`: its command line. Each command is one function, the larger ones in a file of
// their own. Exit codes: docs/results.md, output.h.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "bench/app/ab_command.h"
#include "bench/app/fleet_command.h"
#include "bench/app/nightly_command.h"
#include "bench/app/output.h"
#include "bench/app/profile_command.h"
#include "bench/app/report_command.h"
#include "bench/app/reproduce_command.h"
#include "bench/app/scenario_arguments.h"
#include "bench/app/sim_command.h"
#include "bench/app/store_command.h"
#include "bench/build_info.h"
#include "bench/conform/conform.h"
#include "bench/report/table.h"
#include "bench/result/figure_pages.h"
#include "bench/result/read_json.h"
#include "bench/result/verdict.h"
#include "bench/result/write/record.h"
#include "bench/run/run.h"
#include "bench/store/beside.h"
#include "bench/store/index.h"
#include "dashboards/dashboards.h"
#include "impl/app/number_from.h"
#include "impl/app/plain_refusal.h"
#include "impl/base/prng.h"
#include "impl/base/whole_file.h"
#include "impl/env/real/process.h"
#include "impl/router/strategies.h"
#include "loadgen/plan/plan.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::bench {
namespace {

int RunCommand(const ScenarioArguments& arguments, std::string strategy, std::string out, bool live) {
  Result<load::Settings> settings = arguments.Resolve();
  if (!settings.ok()) return Fail(settings.error().message);
  if (strategy.empty()) strategy = settings->strategy;
  if (Status slos = CheckSlos(*settings); !slos.ok()) return Fail(slos.error().message);
  const ShutdownSignal signal;  // from the first trace that the run leaves
  const bool new_folder = out.empty();
  if (new_folder) {
    const Result<std::string> made = NewRunFolder(settings->scenario + "-" + strategy);
    if (!made.ok()) return Fail(made.error());
    out = *made;
  }
  RunRequest request;
  request.settings = *settings;
  request.strategy = strategy;
  request.seed = arguments.seed;
  request.out = out;
  request.bin_dir = OwnFolder();
  request.live = live;
  const Result<RunOutcome> outcome = Run(request);
  if (!outcome.ok()) {
    if (new_folder) RemoveIfEmpty(out);
    return Fail(outcome.error());
  }
  const Result<nlohmann::json> result = ReadResult(out);
  if (!result.ok()) return Fail(result.error().message, kExitFailed);
  // Of a run that failed the one line on stderr says more than a table of what was not measured.
  if (outcome->verdict != Verdict::kFailed) std::printf("%s\n", RenderTable({*result}).c_str());
  std::printf("result  %s\nreport  %s\n", outcome->result_path.c_str(), outcome->report_path.c_str());
  return VerdictExitCode(outcome->verdict);
}

int PlanCommand(const ScenarioArguments& arguments) {
  const Result<load::Settings> settings = arguments.Resolve();
  if (!settings.ok()) return Fail(settings.error().message);
  // A plan has no strategy, so it cannot tell which of them has the hazard.
  if (const auto ids = generations::ParseHazards(settings->generations.fixed); !ids.ok())
    return Fail(ids.error().message);
  if (Status slos = CheckSlos(*settings); !slos.ok()) return Fail(slos.error().message);
  const Result<load::Plan> plan = load::BuildPlan(*settings, arguments.seed);
  if (!plan.ok()) return Fail(plan.error().message);
  const load::PlanStatistics& s = plan->statistics();
  std::printf("scenario       %s (%s)\n", settings->scenario.c_str(), settings->description.c_str());
  std::printf("requests       %llu in %g s of load, %llu in %g s of warm-up\n",
              static_cast<unsigned long long>(s.load_requests), settings->phases.load_s,
              static_cast<unsigned long long>(s.warmup_requests), settings->phases.warmup_s);
  std::printf("offered        %.3f rps, %s arrivals\n", s.offered_rps, settings->load.arrivals.c_str());
  std::printf("prompts        mean %.0f B, max %llu B, %llu families\n", s.prompt_bytes_mean,
              static_cast<unsigned long long>(s.prompt_bytes_max), static_cast<unsigned long long>(s.families));
  for (const load::Slo& slo : settings->slo)
    std::printf("objective      %s: %s\n", slo.name.c_str(), slo.expression.c_str());
  std::printf("               and those of the strategy (docs/objectives.md)\n");
  std::printf("fingerprint    %s\n", load::FingerprintText(plan->fingerprint()).c_str());
  for (const std::string& note : plan->notes()) std::printf("note           %s\n", note.c_str());
  return 0;
}

// The formats of what is listed, or nothing when `format` is one of them.
std::string ListFormatProblem(const std::string& what, const std::string& format) {
  std::vector<std::string_view> formats = {"text"};
  if (what == "figures") formats.assign(std::begin(kFigureFormats), std::end(kFigureFormats));
  if (what == "dashboards")
    for (const dashboards::DashboardInfo& each : dashboards::Dashboards()) formats.push_back(each.name);
  if (std::find(formats.begin(), formats.end(), format) != formats.end()) return {};
  std::string there;
  for (const std::string_view each : formats) there += (there.empty() ? "" : ", ") + std::string(each);
  return "--format " + format + ": of " + what + " there is " + there;
}

int ListCommand(const std::string& what, const std::string& format, const std::string& results) {
  if (const std::string problem = ListFormatProblem(what, format); !problem.empty()) return Fail(problem);
  if (what == "results") return ListResults(results);
  const auto padded = [](std::string text, std::size_t width) {
    return text + std::string(width > text.size() ? width - text.size() : 0, ' ') + " ";
  };
  // A name begins a line; what does not fit on it follows, indented.
  const auto print = [](const std::string& line, std::size_t hanging) {
    std::printf("%s\n", FitColumns(line, hanging).c_str());
  };
  if (what == "figures" && format != "text") std::printf("%s", FigurePage(format).c_str());
  if (what == "figures" && format == "text") {
    std::istringstream lines(FigurePage(format));
    for (std::string line; std::getline(lines, line);) print(line, 4);
  }
  if (what == "dashboards" && format != "text") std::printf("%s", dashboards::DashboardText(format).c_str());
  if (what == "dashboards" && format == "text")
    for (const dashboards::DashboardInfo& each : dashboards::Dashboards())
      print(padded(std::string(each.name), 18) + std::string(each.summary), 19);
  if (what == "strategies")
    for (const StrategyDescription& each : StrategyDescriptions())
      print(
          padded(std::string(each.name), 16) + padded(IndexKindName(each.default_index), 5) + std::string(each.summary),
          23);
  if (what == "scenarios")
    for (const load::ScenarioInfo& each : load::ListScenarios()) print(padded(each.name, 18) + each.description, 19);
  if (what == "settings")
    for (const load::SettingInfo& each : load::ListSettings()) {
      print(padded(each.key, 32) + each.type + (each.unit.empty() ? "" : " " + each.unit) + ", default " +
                (each.value.empty() ? "\"\"" : each.value) + " (" + each.allowed + ")",
            4);
      print("    " + each.doc, 4);
    }
  return 0;
}

Result<std::string> Record(const std::string& path, const std::string& results, bool force) {
  if (const std::optional<std::string> beside = BesideFile(path)) return RecordBeside(*beside, results);
  const Result<nlohmann::json> result = ReadStoredResult(path);
  if (!result.ok()) return result.error();
  Result<std::string> kept = RecordResult(*result, results, force);
  return kept.ok() ? kept : Error{kept.error().code, path + ": " + kept.error().message};
}

int RecordCommand(const std::vector<std::string>& runs, const std::string& results, bool force) {
  int code = 0;
  for (const std::string& run : runs) {  // one that cannot be recorded keeps nobody from the others
    const Result<std::string> path = Record(run, results, force);
    if (path.ok()) std::printf("recorded  %s\n", path->c_str());
    if (!path.ok()) code = std::max(code, Fail(path.error()));
  }
  const Result<std::vector<std::string>> notes = RebuildIndex(results);
  if (!notes.ok())
    return Fail(
        {notes.error().code, notes.error().message + "; `prefixmesh record` without a path makes the index anew"});
  for (const std::string& note : *notes) std::fprintf(stderr, "%s\n", note.c_str());
  return code;
}

int ConformCommand(const std::vector<std::string>& files) {
  std::size_t passed = 0, failed = 0;
  for (const std::string& file : files) {
    const Result<nlohmann::json> items = ReadJson(file);
    if (!items.ok()) return Fail(items.error().message);
    const ConformOutcome outcome = Conform(*items);
    if (outcome.passed + outcome.failures.size() == 0) return Fail(file + ": holds no item");
    passed += outcome.passed;
    failed += outcome.failures.size();
    for (const std::string& failure : outcome.failures) std::printf("%s: %s\n", file.c_str(), failure.c_str());
  }
  std::printf("%zu passed, %zu failed\n", passed, failed);
  return failed > 0 ? kExitFailed : 0;
}

int Main(int argc, char** argv) {
  CLI::App app(
      "prefixmesh: reproduces the load that broke prefix sync between LLM routers, and measures what each way "
      "of syncing costs and gains",
      "prefixmesh");
  app.require_subcommand(1);
  app.set_version_flag("--version", "prefixmesh " PREFIXMESH_VERSION ", commit " + BuildCommit() +
                                        (BuildDirty() ? " with uncommitted changes" : ""));
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);  // a later flag wins, as in most tools

  ScenarioArguments scenario;
  std::string strategy, out;
  CLI::App* run = app.add_subcommand("run", "one run with live progress; writes result.json and report.html");
  scenario.AddTo(*run);
  run->add_option("--strategy", strategy,
                  "how the routers tell each other (see `prefixmesh list strategies`) [the scenario's own, else "
                  "two-layer]");
  run->add_option("--out", out, "folder for the result; a new one under runs/ by default");
  bool live = false;
  run->add_flag("--live", live,
                "every process serves /metrics on ports that stay the same, and runs/live/targets.json tells a "
                "Prometheus which (dashboards/README.md)");

  CLI::App* plan = app.add_subcommand("plan", "prints and checks a plan and its statistics; runs nothing");
  scenario.AddTo(*plan);

  std::string what;
  CLI::App* list = app.add_subcommand("list", "what there is, each with what it means");
  list->add_option("kind", what, "strategies, scenarios, settings, figures, dashboards or results")
      ->required()
      ->check(OneOf({"strategies", "scenarios", "settings", "figures", "dashboards", "results"}));
  std::string results_dir = "results";
  list->add_option("--results", results_dir, "of results: the folder with the recorded runs")->capture_default_str();
  std::string list_format = "text";
  list->add_option("--format", list_format,
                   "of figures: text; metrics, worker_metrics, load_metrics or results, as the tables in "
                   "dashboards/metrics.md and docs/results.md; schema, as results/schema.json. Of dashboards: text; a "
                   "dashboard's name, as dashboards/NAME.json")
      ->capture_default_str();

  ReportArguments report_arguments;
  CLI::App* report = report_arguments.AddTo(app);

  std::vector<std::string> record_paths;
  bool force = false;
  CLI::App* record = app.add_subcommand(
      "record", "appends finished runs to results/<scenario>/<run_id>.json, A/Bs and micro benchmarks beside them");
  record->add_option("runs", record_paths,
                     "folders of runs or A/Bs, or Google Benchmark's JSON; without any the index is made anew");
  record->add_option("--results", results_dir, "the folder to append to")->capture_default_str();
  record->add_flag("--force", force, "also failed, untrusted and dirty runs");

  std::vector<std::string> vector_files;
  CLI::App* conform = app.add_subcommand("conform", "runs language-neutral vectors; a line per failure");
  conform->add_option("files", vector_files, "JSON files (docs/conform.md)")->required();

  ProfileArguments profile_arguments;
  CLI::App* profile = profile_arguments.AddTo(app);
  NightlyArguments nightly_arguments;
  CLI::App* nightly = nightly_arguments.AddTo(app);
  ExportArguments export_arguments;
  CLI::App* export_command = export_arguments.AddTo(app);
  BaselineArguments baseline_arguments;
  CLI::App* baseline = baseline_arguments.AddTo(app);

  AbArguments ab_arguments;
  CLI::App* ab = ab_arguments.AddTo(app);
  CompareArguments compare_arguments;
  CLI::App* compare = compare_arguments.AddTo(app);

  ReproduceArguments reproduce_arguments;
  CLI::App* reproduce = reproduce_arguments.AddTo(app);

  SimArguments sim_arguments;
  CLI::App* sim = sim_arguments.AddTo(app);
  FleetArguments fleet_arguments;
  CLI::App* fleet = fleet_arguments.AddTo(app);

  app.formatter(std::make_shared<NarrowHelp>());
  for (CLI::App* command : app.get_subcommands({})) NameTypesForPeople(*command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // help, version
    return Fail(PlainRefusal(app, error) + " (see --help)");
  }
  if (run->parsed()) return RunCommand(scenario, strategy, out, live);
  if (plan->parsed()) return PlanCommand(scenario);
  if (list->parsed()) return ListCommand(what, list_format, results_dir);
  if (profile->parsed()) return RunProfile(profile_arguments);
  if (nightly->parsed()) return RunNightly(nightly_arguments);
  if (export_command->parsed()) return RunExport(export_arguments);
  if (baseline->parsed()) return RunBaseline(baseline_arguments);
  if (report->parsed()) return RunReport(report_arguments);
  if (conform->parsed()) return ConformCommand(vector_files);
  if (sim->parsed()) return RunSim(sim_arguments);
  if (fleet->parsed()) return RunFleetCommand(fleet_arguments);
  if (ab->parsed()) return RunAb(ab_arguments);
  if (compare->parsed()) return RunCompare(compare_arguments);
  if (reproduce->parsed()) return RunReproduce(reproduce_arguments);
  return RecordCommand(record_paths, results_dir, force);
}

}  // namespace
}  // namespace prefixmesh::bench

int main(int argc, char** argv) {
  prefixmesh::FileLimitIsAnError();
  const int code = prefixmesh::bench::Main(argc, argv);
  // What was printed is told only when it has arrived; a reader that went away (`| head`) wanted no more.
  errno = 0;
  const bool written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
  if (written || errno == EPIPE || code != 0) return code;
  return prefixmesh::bench::Fail("the output could not be written: is the disk full?", prefixmesh::bench::kExitFailed);
}
