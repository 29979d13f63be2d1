#include "bench/app/report_command.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "bench/app/output.h"
#include "bench/app/scenario_arguments.h"
#include "bench/report/report.h"
#include "bench/report/table.h"
#include "bench/result/read_json.h"
#include "bench/store/index.h"
#include "bench/trends/trends.h"
#include "impl/base/whole_file.h"

namespace prefixmesh::bench {
namespace {

namespace fs = std::filesystem;

// More are no longer read column by column.
constexpr std::size_t kSideBySideMax = 20;

bool IsIndex(const std::string& path) {
  std::error_code none;
  return fs::path(path).extension() == ".jsonl" || (HoldsNoResult(path) && fs::exists(path + "/" + kIndexName, none));
}

// A JSON file of something else: a plan, a list of targets.
bool IsOfSomethingElse(const std::string& file) {
  const Result<nlohmann::json> json = ReadJson(file);
  return json.ok() && (!json->is_object() || !json->contains("run_id") || !json->contains("routers"));
}

// A folder of stored results (results/templates) stands for the files in it, one of runs for the runs in it.
std::vector<std::string> WithFilesOfFolders(const std::vector<std::string>& paths) {
  std::vector<std::string> all;
  for (const std::string& path : paths) {
    std::vector<std::string> files;
    std::error_code none;
    if (HoldsNoResult(path) && !IsIndex(path) && !fs::exists(path + "/ab.json", none))
      for (const fs::directory_entry& each : fs::directory_iterator(path, none))
        if (each.path().extension() == ".json" && each.is_regular_file(none)
                ? !IsOfSomethingElse(each.path().string())
                : fs::exists(each.path() / "result.json", none))
          files.push_back(each.path().string());
    if (files.empty()) files.push_back(path);
    std::sort(files.begin(), files.end());
    all.insert(all.end(), files.begin(), files.end());
  }
  return all;
}

bool Overwrites(const std::string& out, const std::vector<std::string>& paths) {
  return std::any_of(paths.begin(), paths.end(), [&](const std::string& path) {
    std::error_code none;
    return fs::equivalent(out, ResultPath(path), none) || fs::equivalent(out, path + "/" + kIndexName, none);
  });
}

// Where it was written.
Result<std::string> Write(std::string out, const std::string& html) {
  if (out.empty()) {
    const Result<std::string> folder = NewRunFolder("report");
    if (!folder.ok()) return folder.error();
    out = *folder + "/report.html";
  }
  if (Status written = WriteWholeFile(out, html); !written.ok()) return written.error();
  return out;
}

int Print(const std::string& table, const Result<std::string>& written) {
  if (!written.ok()) return Fail(written.error().message, kExitFailed);
  std::printf("%s\nreport  %s\n", table.c_str(), written->c_str());
  return 0;
}

int ReportTrends(const ReportArguments& arguments) {
  const Result<RunList> runs = ReadRuns(arguments.paths);
  if (!runs.ok()) return Fail(runs.error().message);
  for (const std::string& note : runs->notes) std::fprintf(stderr, "%s\n", note.c_str());
  const Result<std::string> report = RenderTrends(runs->lines);
  if (!report.ok()) return Fail(report.error().message);
  return Print(TrendsTable(runs->lines), Write(arguments.out, *report));
}

}  // namespace

CLI::App* ReportArguments::AddTo(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "report", "one report.html over several results, side by side; over a store, or more than 20 results, as trends");
  command->add_option("runs", paths, "run folders, result files, folders of these, or folders with an index of runs")
      ->required();
  command->add_option("--out", out, "the file to write; in a new folder under runs/ by default");
  command->add_flag("--markdown", markdown, "print the key figures as a Markdown table and write no file");
  return command;
}

int RunReport(const ReportArguments& arguments) {
  const std::vector<std::string> paths = WithFilesOfFolders(arguments.paths);
  if (!arguments.markdown && Overwrites(arguments.out, paths))
    return Fail("--out " + arguments.out + ": it is one of the results; the report would overwrite it");
  if (!arguments.markdown && (paths.size() > kSideBySideMax || std::any_of(paths.begin(), paths.end(), IsIndex)))
    return ReportTrends(arguments);
  std::vector<nlohmann::json> results;
  const bool some =  // `runs/*` names folders of something else, too
      !std::all_of(paths.begin(), paths.end(), HoldsNoResult);
  for (const std::string& path : paths) {
    if (some && HoldsNoResult(path)) {
      std::fprintf(stderr, "left out: %s\n", HoldsNoResultText(path).c_str());
      continue;
    }
    Result<nlohmann::json> result = ReadResult(path);
    if (!result.ok()) return Fail(result.error().message);
    results.push_back(std::move(*result));
  }
  if (arguments.markdown) {
    std::printf("%s", RenderMarkdownTable(results).c_str());
    return 0;
  }
  const Result<std::string> report = RenderReport(results);
  if (!report.ok()) return Fail(report.error().message);
  return Print(RenderTable(results), Write(arguments.out, *report));
}

}  // namespace prefixmesh::bench
