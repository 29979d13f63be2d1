// Which runs a reproduction makes, that it goes on where it was stopped, and its table over results of known content.
#include "bench/reproduction/reproduction.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "bench/build_info.h"
#include "bench/reproduction/reproduction_table.h"
#include "bench/result/slo.h"
#include "bench/run/run_folder.h"
#include "impl/router/strategies.h"
#include "tests/support/temp_dir.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::json;

load::Settings Scenario() { return *load::LoadScenario("reproduction"); }

// What a run leaves in its folder, as far as it says what it was.
void LeaveResult(const RunRequest& request, const std::string& verdict, const std::string& commit = BuildCommit()) {
  std::filesystem::create_directories(request.out);
  const Json result = {
      {"schema_version", 1},
      {"strategy", request.strategy},
      {"seed", request.seed},
      {"verdict", verdict},
      {"build", {{"commit", commit}, {"dirty", false}}},
      {"scenario", {{"settings", Json::parse(load::SettingsValuesJson(request.settings))}}},
  };
  std::ofstream(request.out + "/result.json") << result.dump();
}

TEST_CASE("Scenarios: what they name as strategy and objective is there") {
  for (const load::ScenarioInfo& scenario : load::ListScenarios()) {
    INFO(scenario.name);
    const load::Settings settings = *load::LoadScenario(scenario.name);
    REQUIRE(FindStrategy(settings.strategy).ok());
    for (const load::Slo& slo : settings.slo) REQUIRE(ParseSlo(slo.expression).ok());
  }
}

TEST_CASE("Reproduction: every strategy once, off on both kinds, two-layer for 20 minutes as well") {
  const auto arms = ReproductionArms(Scenario(), {});
  REQUIRE(arms.ok());
  std::multiset<std::string> strategies;
  std::set<std::string> folders;
  for (const ReproductionArm& arm : *arms) {
    strategies.insert(arm.strategy);
    REQUIRE(folders.insert(arm.name).second);
    REQUIRE(arm.name.find('/') == std::string::npos);
  }
  for (const StrategyDescription& strategy : StrategyDescriptions()) {
    const std::string name(strategy.name);
    REQUIRE(strategies.count(name) == (name == "off" || name == "two-layer" ? 2u : 1u));
  }
  const auto some = ReproductionArms(Scenario(), {"two-layer"});
  REQUIRE(some->size() == 2);
  REQUIRE((*some)[0].settings.phases.load_s == 120);
  REQUIRE((*some)[1].settings.phases.load_s == 1200);
  REQUIRE((*some)[1].settings.index.budget_mib == 8);
  REQUIRE((*some)[1].settings.two_layer.window_mib == 2);
  REQUIRE(ReproductionArms(Scenario(), {"nothing"}).error().message.rfind("unknown strategy 'nothing'", 0) == 0);
}

TEST_CASE("Reproduction: it takes what is whole, makes again what failed, and stops at a run that fails") {
  const test::TempDir dir;
  ReproductionRequest request;
  request.arms = *ReproductionArms(Scenario(), {"off", "raw-ops"});
  REQUIRE(request.arms.size() == 3);
  request.out = dir.path();
  std::vector<std::string> made;
  std::string failing = "off.text";
  const RunFunction run = [&](const RunRequest& each) -> Result<RunOutcome> {
    const std::string name = std::filesystem::path(each.out).filename();
    made.push_back(name);
    const bool fails = name == failing;
    LeaveResult(each, fails ? "failed" : name == "raw-ops" ? "killed" : "ok");
    return RunOutcome{fails ? Verdict::kFailed : Verdict::kOk, each.out + "/result.json", ""};
  };
  const SayFunction quiet = [](const std::string&) {};
  REQUIRE(Reproduce(request, run, quiet).error().code == ErrorCode::kUnavailable);
  REQUIRE(made == std::vector<std::string>{"off", "off.text"});

  made.clear();
  failing = "";
  const auto files = Reproduce(request, run, quiet);
  REQUIRE(files.ok());
  REQUIRE(files->size() == 3);
  // Nothing of a dirty build is taken: its commit does not say what was built.
  if (BuildDirty()) {
    REQUIRE(made == std::vector<std::string>{"off", "off.text", "raw-ops"});
  } else {
    REQUIRE(made == std::vector<std::string>{"off.text", "raw-ops"});
  }
  REQUIRE(std::filesystem::exists(dir.path() + "/off.text.failed-1"));
}

TEST_CASE("Run folder: only the very same run of this build is taken") {
  const test::TempDir dir;
  const RunRequest request{Scenario(), "raw-ops", 7, dir.path() + "/run", ""};
  REQUIRE_FALSE(HoldsRun(request));
  LeaveResult(request, "ok");
  REQUIRE(HoldsRun(request) == !BuildDirty());
  RunRequest other = request;
  other.seed = 8;
  REQUIRE_FALSE(HoldsRun(other));
  other = request;
  other.strategy = "off";
  REQUIRE_FALSE(HoldsRun(other));
  other = request;
  other.settings.load.rps = 199;
  REQUIRE_FALSE(HoldsRun(other));
  LeaveResult(request, "failed");
  REQUIRE_FALSE(HoldsRun(request));
  LeaveResult(request, "ok", "another");
  REQUIRE_FALSE(HoldsRun(request));
  std::ofstream(request.out + "/result.json") << "{\"strategy\": 3}";
  REQUIRE_FALSE(HoldsRun(request));
  std::ofstream(request.out + "/result.json") << "{\"strat";
  REQUIRE_FALSE(HoldsRun(request));
}

// A result with one router per peak.
Json ResultOf(const std::string& strategy, const std::string& kind, std::vector<double> peaks_mib) {
  Json result = {{"strategy", strategy},    {"index_kind", kind},
                 {"plan_fingerprint", "p"}, {"started_at", "2026-01-01T00:00:00Z"},
                 {"verdict", "ok"},         {"scenario", {{"settings", {{"phases.load_s", 120}}}}},
                 {"routers", Json::array()}};
  for (const double peak : peaks_mib)
    result["routers"].push_back({{"peak_rss_bytes", peak * 1048576}, {"sync", {{"oversize_warnings", 21}}}});
  return result;
}

std::string RowOf(const std::string& table, const std::string& name) {
  const auto at = table.find("\n| " + name);
  REQUIRE(at != std::string::npos);
  return table.substr(at + 1, table.find('\n', at + 1) - at - 1);
}

TEST_CASE("Reproduction table: the original first, over off of the same kind, the newest of each") {
  Json old = ResultOf("raw-ops", "text", {9000});
  old["started_at"] = "2025-01-01T00:00:00Z";
  Json killed = ResultOf("crdt-ops", "text", {6150, 6000});
  killed["verdict"] = "killed";
  killed["killed"] = {{"router", "router-a"}, {"rss_bytes", 1}, {"at_s", 12.5}, {"growth_bytes_per_s", 1048576}};
  Json longer = ResultOf("two-layer", "block", {30});
  longer["scenario"]["settings"] = {{"phases.load_s", 1200}, {"index.budget_mib", 8}, {"two_layer.window_mib", 2}};
  Json roomy = ResultOf("two-layer", "block", {80});
  roomy["scenario"]["settings"] = {{"phases.load_s", 1200}, {"index.budget_mib", 64}, {"two_layer.window_mib", 16}};
  const std::string table = RenderReproductionTable({
      ResultOf("two-layer", "block", {28, 27}),
      longer,
      roomy,
      old,
      ResultOf("raw-ops", "text", {800, 900}),
      killed,
      ResultOf("off", "text", {300, 290}),
      ResultOf("off", "block", {26, 26}),
  });
  REQUIRE(table.find("\n| *the original, before* | *5,400 MiB* |") < table.find("\n| off, block index |"));
  REQUIRE(table.find("\n| crdt-ops") < table.find("\n| raw-ops"));
  REQUIRE(RowOf(table, "raw-ops").starts_with("| raw-ops | 900 MiB | +600 MiB | – | 42 |"));
  REQUIRE(table.find("8.79 GiB") == std::string::npos);  // the older raw-ops
  REQUIRE(RowOf(table, "two-layer |").starts_with("| two-layer | 28.0 MiB | +2.00 MiB |"));
  for (const auto& [budgets, cells] :
       {std::pair("8 and 2 MiB", "30.0 MiB | +4.00 MiB |"), std::pair("64 and 16 MiB", "80.0 MiB | +54.0 MiB |")}) {
    const std::string name = "two-layer, 20 min, budgets of " + std::string(budgets);
    REQUIRE(RowOf(table, name).starts_with("| " + name + " | " + cells));
  }
  REQUIRE(RowOf(table, "crdt-ops").starts_with("| crdt-ops, killed after 12.5 s, growing 1.00 MiB/s | 6.01 GiB |"));
  REQUIRE(RowOf(table, "off, block").starts_with("| off, block index | 26.0 MiB | – |"));
}

}  // namespace
}  // namespace prefixmesh::bench
