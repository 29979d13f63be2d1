#include "bench/app/store_command.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "bench/ab/statistics/bootstrap.h"
#include "bench/app/output.h"
#include "bench/export/export.h"
#include "bench/process/proc.h"
#include "bench/result/key_figures.h"
#include "bench/result/read_json.h"
#include "bench/result/utc.h"
#include "bench/store/baseline.h"
#include "bench/store/index.h"
#include "bench/text/quantity.h"
#include "bench/text/safe_text.h"
#include "impl/app/narrow_help.h"
#include "impl/app/plain_refusal.h"
#include "impl/base/did_you_mean.h"
#include "impl/base/whole_file.h"

namespace prefixmesh::bench {
namespace {

std::string Text(std::size_t figure, const std::optional<double>& value) {
  return QuantityText(QuantityOf(kHistoryFigures[figure].figure->unit), value);
}

std::string MedianText(const std::vector<RunLine>& runs, std::size_t figure) {
  const std::vector<double> values = ValuesOf(runs, figure);
  return Text(figure, values.empty() ? std::nullopt : std::optional<double>(ab::Median(values)));
}

std::string Padded(std::string text, std::size_t columns) {
  text.append(columns - std::min(columns, Columns(text)), ' ');
  return text;
}

// This machine as results name it.
std::string ThisMachine() {
  const Machine machine = ReadMachine();
  const nlohmann::json facts{{"cpu", machine.cpu},
                             {"cores", machine.cores},
                             {"memory_bytes", machine.memory_bytes},
                             {"kernel", machine.kernel}};
  return KeptMachine({{"machine", facts}});
}

void SayNotes(const std::vector<std::string>& notes) {
  for (const std::string& note : notes) std::fprintf(stderr, "%s\n", note.c_str());
}

Result<ExportFiles> Export(const ExportFormat& format, const std::vector<std::string>& paths) {
  if (format.of_lines != nullptr) {
    const Result<RunList> runs = ReadRuns(paths);
    if (!runs.ok()) return runs.error();
    SayNotes(runs->notes);
    if (runs->lines.empty()) return Invalid("no run to export");
    return format.of_lines(runs->lines);
  }
  ExportFiles files;
  for (const std::string& path : paths) {
    const Result<std::vector<std::string>> of_path = ResultFilesOf(path);
    if (!of_path.ok()) return of_path.error();
    for (const std::string& each : *of_path) {
      const Result<nlohmann::json> result = ReadResult(each);
      if (!result.ok()) return result.error();
      const Result<ExportFile> file = format.of_result(*result);
      if (!file.ok()) return Error{file.error().code, each + ": " + file.error().message};
      files.push_back(*file);
    }
  }
  return files;
}

int SetBaselines(const BaselineArguments& arguments) {
  const Result<RunList> runs = ReadRuns(arguments.runs);
  if (!runs.ok()) return Fail(runs.error());
  SayNotes(runs->notes);
  const Result<RunList> recorded = ReadRecorded(arguments.results);
  if (!recorded.ok()) return Fail(recorded.error());
  SayNotes(recorded->notes);
  std::vector<Baseline> baselines;
  for (const RunGroup& group : GroupsOf(runs->lines)) {
    const Result<Baseline> baseline = BaselineOf(group.runs, UtcText(std::time(nullptr)), arguments.why);
    if (!baseline.ok()) return Fail(baseline.error());
    if (const auto known = RunsOf(*baseline, recorded->lines); !known.ok())
      return Fail(known.error().message + " (`prefixmesh record` first)");
    baselines.push_back(*baseline);
  }
  if (baselines.empty()) return Fail("no run to set as a baseline");
  for (const Baseline& baseline : baselines) {
    const Result<Baseline> before = ReadBaseline(arguments.results, baseline.scenario, baseline.strategy);
    if (Status written = WriteBaseline(arguments.results, baseline); !written.ok()) return Fail(written.error());
    std::printf("baseline  %s  (%zu runs of commit %.12s)\n",
                BaselinePath(arguments.results, baseline.scenario, baseline.strategy).c_str(), baseline.runs.size(),
                baseline.commit.c_str());
    if (before.ok())
      std::printf("          it was of commit %.12s, set %s\n", before->commit.c_str(), before->set_at.c_str());
  }
  return 0;
}

std::string NoBaselineOf(const std::string& scenario, const std::vector<Baseline>& baselines) {
  std::vector<std::string> scenarios;
  for (const Baseline& each : baselines)
    if (scenarios.empty() || scenarios.back() != each.scenario) scenarios.push_back(each.scenario);
  return "no baseline is set for '" + scenario + "'" + DidYouMean(scenario, scenarios) +
         (scenarios.empty() ? "" : "; there are some for: " + JoinNames(scenarios));
}

int ShowBaselines(const BaselineArguments& arguments) {
  const Result<std::vector<Baseline>> baselines = ReadBaselines(arguments.results);
  if (!baselines.ok()) return Fail(baselines.error());
  const Result<RunList> recorded = ReadRecorded(arguments.results);
  if (!recorded.ok()) return Fail(recorded.error());
  SayNotes(recorded->notes);
  const std::string machine = ThisMachine();
  std::size_t shown = 0, elsewhere = 0;
  for (const Baseline& baseline : *baselines) {
    if (!arguments.scenario.empty() && baseline.scenario != arguments.scenario) continue;
    const Result<std::vector<RunLine>> runs = RunsOf(baseline, recorded->lines);
    if (!runs.ok()) return Fail(runs.error());
    if (shown++ == 0)
      std::printf("%-18s %-14s %-8s %4s %9s %9s %8s\n", "scenario", "strategy", "commit", "runs", "peak RSS", "a round",
                  "oversize");
    const bool other = baseline.machine != machine;
    elsewhere += other ? 1 : 0;
    std::printf("%-18s %-14s %-8.8s %4zu %9s %9s %8s%s\n", baseline.scenario.c_str(), baseline.strategy.c_str(),
                baseline.commit.c_str(), runs->size(), MedianText(*runs, kHistoryPeakRss).c_str(),
                MedianText(*runs, kHistoryBytesPerRound).c_str(), MedianText(*runs, kHistoryOversize).c_str(),
                other ? " *" : "");
  }
  if (shown == 0 && !arguments.scenario.empty()) return Fail(NoBaselineOf(arguments.scenario, *baselines));
  if (shown == 0) std::printf("no baseline is set (`prefixmesh baseline set RUN…`)\n");
  if (elsewhere > 0) std::printf("%s\n", FitColumns("* of another machine than this one: " + machine, 2).c_str());
  return 0;
}

}  // namespace

CLI::App* ExportArguments::AddTo(CLI::App& app) {
  CLI::App* command = app.add_subcommand("export", "stored runs in the formats of other tools, to standard output");
  std::vector<std::string> names;
  std::string summaries;
  for (const ExportFormat& each : ExportFormats()) {
    names.emplace_back(each.name);
    summaries += "\n" + FitColumns("  " + Padded(std::string(each.name), 15) + std::string(each.summary), 17);
  }
  command->add_option("--format", format, "the format")->required()->check(OneOf(names));
  command->add_option("--out", out, "a folder for all files of a format that has several; they replace older ones");
  command->add_option("paths", paths, "run folders, result files, or folders with an index or results")->required();
  command->footer("Formats:" + summaries);
  return command;
}

int RunExport(const ExportArguments& arguments) {
  const ExportFormat& format = *FindExportFormat(arguments.format);
  const Result<ExportFiles> files = Export(format, arguments.paths);
  if (!files.ok()) return Fail(files.error());
  if (!arguments.out.empty()) {
    std::error_code error;
    std::filesystem::create_directories(arguments.out, error);
    if (error) return Fail("--out " + arguments.out + ": " + error.message());
    for (const ExportFile& file : *files) {
      const std::string path = arguments.out + "/" + file.name;
      if (Status written = WriteWholeFile(path, file.text); !written.ok()) return Fail(written.error());
      std::printf("written  %s\n", path.c_str());
    }
    return 0;
  }
  // A document per run, or a series per file: the first alone would be a part of what was asked for.
  if (files->size() > 2 || (files->size() > 1 && format.of_result != nullptr))
    return Fail("--format " + arguments.format + " makes " + std::to_string(files->size()) +
                " files of these runs; --out DIR names a folder for them");
  std::fwrite(files->front().text.data(), 1, files->front().text.size(), stdout);
  if (files->size() > 1)
    std::fprintf(stderr, "this is %s; --out DIR writes %s beside it\n", files->front().name.c_str(),
                 files->back().name.c_str());
  return 0;
}

CLI::App* BaselineArguments::AddTo(CLI::App& app) {
  CLI::App* command = app.add_subcommand("baseline", "which recorded runs others are held against");
  command->require_subcommand(1);
  set = command->add_subcommand("set", "these recorded runs, for their scenarios and strategies");
  set->add_option("runs", runs, "recorded results")->required();
  set->add_option("--why", why, "a word for those who read it later");
  show = command->add_subcommand("show", "the baselines, with the median of their runs");
  show->add_option("scenario", scenario, "only of this scenario");
  for (CLI::App* each : {set, show})
    each->add_option("--results", results, "the folder with the recorded runs")->capture_default_str();
  return command;
}

int RunBaseline(const BaselineArguments& arguments) {
  return arguments.set->parsed() ? SetBaselines(arguments) : ShowBaselines(arguments);
}

int ListResults(const std::string& results) {
  const Result<RunList> runs = ReadRecorded(results);
  if (!runs.ok()) return Fail(runs.error());
  SayNotes(runs->notes);
  const Result<std::vector<Baseline>> baselines = ReadBaselines(results);
  if (!baselines.ok()) return Fail(baselines.error());
  const auto is_baseline = [&](const RunLine& run) {
    return std::any_of(baselines->begin(), baselines->end(), [&](const Baseline& each) {
      return std::find(each.runs.begin(), each.runs.end(), run.run_id) != each.runs.end();
    });
  };
  const std::string machine = ThisMachine();
  std::printf("%-10s %-15s %-15s %-10s %8s %9s %4s\n", "day", "scenario", "strategy", "verdict", "peak RSS", "a round",
              "over");
  for (const RunLine& run : runs->lines) {
    const std::string marks =
        std::string(is_baseline(run) ? "b" : "") + (run.dirty ? "d" : "") + (run.machine != machine ? "*" : "");
    std::printf("%-10.10s %-15.15s %-15.15s %-10s %8s %9s %4s%s\n", run.started_at.c_str(), run.scenario.c_str(),
                run.strategy.c_str(), run.verdict.c_str(), Text(kHistoryPeakRss, run.figures[kHistoryPeakRss]).c_str(),
                Text(kHistoryBytesPerRound, run.figures[kHistoryBytesPerRound]).c_str(),
                Text(kHistoryOversize, run.figures[kHistoryOversize]).c_str(),
                marks.empty() ? "" : (" " + marks).c_str());
  }
  std::printf("a round: sync bytes; over: oversize warnings\n");
  std::printf("b: of a baseline; d: of a dirty build; *: of another machine\n");
  return 0;
}

}  // namespace prefixmesh::bench
