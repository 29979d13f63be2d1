#include "bench/app/reproduce_command.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench/app/output.h"
#include "bench/reproduction/reproduction.h"
#include "bench/reproduction/reproduction_table.h"
#include "bench/result/read_json.h"

namespace prefixmesh::bench {
namespace {

int PrintTable(const std::vector<std::string>& files) {
  std::vector<nlohmann::json> results;
  for (const std::string& file : files) {
    Result<nlohmann::json> result = ReadResult(file);
    if (!result.ok()) return Fail(result.error());
    results.push_back(std::move(*result));
  }
  std::printf("%s", RenderReproductionTable(results).c_str());
  return 0;
}

}  // namespace

CLI::App* ReproduceArguments::AddTo(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "reproduce",
      "the original's before and after, beside every strategy under that load; some 13 minutes a strategy");
  command->add_option("--strategies", strategies, "only these; with commas between them")->delimiter(',');
  command->add_option("--table", table, "print the table of these stored results and run nothing");
  scenario.scenario = "reproduction";
  scenario.AddTo(*command);
  command->add_option("--out", out,
                      "folder for all runs; a stopped one goes on there. A new one under runs/ by default");
  return command;
}

int RunReproduce(const ReproduceArguments& arguments) {
  if (!arguments.table.empty()) return PrintTable(arguments.table);
  const Result<load::Settings> settings = arguments.scenario.Resolve();
  if (!settings.ok()) return Fail(settings.error());
  if (Status slos = CheckSlos(*settings); !slos.ok()) return Fail(slos.error());
  Result<std::vector<ReproductionArm>> arms = ReproductionArms(*settings, arguments.strategies);
  if (!arms.ok()) return Fail(arms.error());
  ReproductionRequest request;
  request.arms = std::move(*arms);
  request.seed = arguments.scenario.seed;
  const Result<std::string> out = arguments.out.empty() ? NewRunFolder("reproduction") : arguments.out;
  if (!out.ok()) return Fail(out.error());
  request.out = *out;
  request.bin_dir = OwnFolder();
  const Result<std::vector<std::string>> files = Reproduce(request, Run, SayBetweenRuns);
  if (!files.ok()) {
    if (arguments.out.empty()) RemoveIfEmpty(request.out);
    return Fail(files.error());
  }
  std::printf("\nruns    %s\n\n", request.out.c_str());
  return PrintTable(*files);
}

}  // namespace prefixmesh::bench
