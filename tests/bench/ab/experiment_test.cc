// Goal: the schedule is fair and repeatable, arms are what they say, and a stopped A/B goes on only where it is the
// same one. Method: a runner that writes small results instead of starting processes.
#include "bench/ab/experiment.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/support/temp_dir.h"

namespace prefixmesh::bench::ab {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

TEST_CASE("AbSchedule: every arm once per block, one seed per block, orders that differ and repeat") {
  const std::vector<ScheduledRun> schedule = MakeSchedule(40, 3, 5);
  REQUIRE(schedule.size() == 41 * 3);
  std::map<std::vector<std::size_t>, int> orders;
  for (std::size_t block = 0; block <= 40; ++block) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < 3; ++i) {
      const ScheduledRun& run = schedule[3 * block + i];
      CHECK((run.pair == block && run.workload_seed == 5 + block));
      order.push_back(run.arm);
    }
    CHECK(std::set<std::size_t>(order.begin(), order.end()).size() == 3);
    ++orders[order];
  }
  CHECK(orders.size() == 6);
  const std::vector<ScheduledRun> again = MakeSchedule(40, 3, 5);
  for (std::size_t i = 0; i < schedule.size(); ++i) CHECK(schedule[i].arm == again[i].arm);
}

TEST_CASE("AbArms: settings of their own, mistakes by name, and kinds that do not mix by themselves") {
  const load::Settings settings = *load::LoadScenario("reference");
  const auto error = [&](std::vector<std::string> texts, bool mixed = false) {
    const auto arms = ResolveArms({texts, settings, mixed});
    return arms.ok() ? "accepted" : arms.error().message;
  };
  const auto arms =
      ResolveArms({{"two-layer", "two-layer:two_layer.round_ms=200:two_layer.anchors=0"}, settings, false});
  REQUIRE(arms.ok());
  CHECK((*arms)[0].settings.two_layer.round_ms == 50);
  CHECK((*arms)[1].settings.two_layer.round_ms == 200);
  CHECK((*arms)[1].settings.two_layer.anchors == 0);
  CHECK((*arms)[1].name == "B");
  CHECK(SplitArms("a,b:c=d") == std::vector<std::string>{"a", "b:c=d"});
  CHECK(error({"off", "no-such"}).find("arm 'no-such': unknown strategy") == 0);
  CHECK(error({"off", "off:load.rsp=1"}).find("arm 'off:load.rsp=1': ") == 0);
  CHECK(error({"off", "two-layer:index.kind=text"}).find("cannot run on index.kind=text") != std::string::npos);
  CHECK(error({"off"}).find("at least two") != std::string::npos);
  CHECK(error(std::vector<std::string>(17, "off")).find("more than 16") != std::string::npos);
  CHECK(error({"two-layer", "raw-ops"}).find("--mixed-index") != std::string::npos);
  CHECK(error({"off", "off:route.policy=bounded"}).find("--mixed-policy") != std::string::npos);
  CHECK(ResolveArms({{"off", "off:route.policy=bounded"}, *load::LoadScenario("reference"), false, true}).ok());
  const auto mixed = ResolveArms({{"two-layer", "raw-ops"}, settings, true});
  REQUIRE((mixed.ok() && mixed->size() == 4));
  CHECK((*mixed)[3].beside);
  CHECK(MixedIndex(*mixed));
  CHECK(ResolveArms({{"two-layer", "off"}, settings, true})->size() == 2);  // the same kind: nothing beside
}

using Folder = prefixmesh::test::TempDir;

// Results with nothing but what an A/B reads; `fail_at` is the run that fails, from 0.
struct FakeRunner {
  int made = 0;
  int fail_at = -1;
  std::set<int> untrusted;  // runs, from 0
  std::vector<std::string> asked;

  Result<RunOutcome> operator()(const RunRequest& request) {
    asked.push_back(request.strategy + " " + std::to_string(request.seed));
    const bool fails = made == fail_at, trusted = untrusted.count(made) == 0;
    ++made;
    fs::create_directories(request.out);
    const nlohmann::json result = {
        {"schema_version", 1},
        {"run_id", "r"},
        {"strategy", request.strategy},
        {"verdict", fails     ? "failed"
                    : trusted ? "ok"
                              : "untrusted"},
        {"trust", {{"ok", trusted}, {"reasons", trusted ? Json::array() : Json{"it was late"}}}},
        {"notes", {"failed: interrupted"}},
        {"plan_fingerprint", "plan of " + std::to_string(request.seed)},
        {"routing", {{"cached_share", 0.5}}}};
    std::ofstream(request.out + "/result.json") << result;
    return RunOutcome{};
  }
};

ExperimentRequest SmallRequest(const std::string& out) {
  load::Settings settings = *load::LoadScenario("reference");
  settings.phases.load_s = 1;
  settings.prompt.chars = 100;
  ExperimentRequest request;
  request.arms = *ResolveArms({{"off", "two-layer"}, settings, false});
  request.metrics = *ReadableMetrics({{"share", "routing.cached_share", false, 1}});
  request.pairs = 3;
  request.seed = 40;
  request.out = out;
  return request;
}

Result<Experiment> RunFake(const ExperimentRequest& request, FakeRunner& runner) {
  return RunExperiment(
      request, [&](const RunRequest& run) { return runner(run); }, [](const std::string&) {});
}

TEST_CASE("AbExperiment: warm-up first and discarded, the same workload for both arms of a pair") {
  Folder folder;
  FakeRunner runner;
  const Result<Experiment> experiment = RunFake(SmallRequest(folder.path()), runner);
  REQUIRE(experiment.ok());
  REQUIRE(runner.asked.size() == 8);
  REQUIRE(experiment->runs.size() == 6);
  for (std::size_t pair = 0; pair <= 3; ++pair) {
    const std::set<std::string> wanted = {"off " + std::to_string(40 + pair), "two-layer " + std::to_string(40 + pair)};
    CHECK(std::set<std::string>{runner.asked[2 * pair], runner.asked[2 * pair + 1]} == wanted);
  }
  CHECK(fs::exists(folder.path() + "/warm-up/A/result.json"));
  CHECK(experiment->runs.front().facts.values == std::vector<std::optional<double>>{0.5});
}

TEST_CASE("AbExperiment: a run that fails ends it; the same command goes on, another one is refused") {
  Folder folder;
  const ExperimentRequest request = SmallRequest(folder.path());
  FakeRunner first;
  first.fail_at = 4;
  const Result<Experiment> failed = RunFake(request, first);
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().code == ErrorCode::kUnavailable);
  CHECK(failed.error().message.find("pair 2") == 0);
  CHECK(failed.error().message.find("interrupted") != std::string::npos);

  ExperimentRequest other = request;
  other.pairs = 4;
  FakeRunner unused;
  const Result<Experiment> more = RunFake(other, unused);
  REQUIRE_FALSE(more.ok());
  CHECK(more.error().code == ErrorCode::kInvalid);
  CHECK(more.error().message.find("ab-plan.json differs in pairs") != std::string::npos);
  other = request;
  other.arms[1].settings.two_layer.round_ms = 70;
  const Result<Experiment> changed = RunFake(other, unused);
  REQUIRE_FALSE(changed.ok());
  CHECK(changed.error().message.find("two_layer.round_ms") != std::string::npos);
  CHECK(unused.made == 0);

  // What is not this arm's run is made again, too.
  std::ofstream(folder.path() + "/warm-up/A/result.json")
      << R"({"schema_version":1,"strategy":"two-layer","verdict":"ok"})";
  FakeRunner second;
  const Result<Experiment> resumed = RunFake(request, second);
  REQUIRE(resumed.ok());
  CHECK(second.made == 5);
  CHECK(resumed->runs.size() == 6);
  REQUIRE(resumed->notes.size() == 1);
  CHECK(resumed->notes[0].find("was made again after 1") != std::string::npos);
}

TEST_CASE(
    "AbExperiment: an untrusted run is made once more at the end of its block, also when it is stopped in between") {
  Folder folder;
  const ExperimentRequest request = SmallRequest(folder.path());
  // Runs 0 and 1 are the warm-up. Of pair 1 the first is untrusted once; of pair 2 (3 and 4 were pair 1's second and
  // the one more) the second, and the one more, too; then it stops.
  FakeRunner runner;
  runner.untrusted = {2, 6, 7};
  runner.fail_at = 8;
  REQUIRE_FALSE(RunFake(request, runner).ok());
  REQUIRE(runner.asked.size() == 9);
  CHECK(runner.asked[4] == runner.asked[2]);
  CHECK(runner.asked[7] == runner.asked[6]);
  FakeRunner rest;
  const Result<Experiment> experiment = RunFake(request, rest);
  REQUIRE(experiment.ok());
  CHECK(rest.made == 2);
  REQUIRE(experiment->runs.size() == 6);
  std::vector<bool> comparable;
  for (const FinishedRun& run : experiment->runs) comparable.push_back(run.facts.comparable());
  CHECK(comparable == std::vector<bool>{true, true, true, false, true, true});
  // In the order in which they ran: pair 1's other run came first.
  CHECK(experiment->runs[1].facts.strategy + " 41" == runner.asked[4]);
  REQUIRE(experiment->notes.size() == 3);
  CHECK(experiment->notes[0].find("pair 1, arm ") == 0);
  CHECK(experiment->notes[0].find("was made again, the first was untrusted: it was late") != std::string::npos);
  CHECK(experiment->notes[1].find("pair 2, arm ") == 0);
}

TEST_CASE("AbExperiment: a stopped A/B of a dirty build is not continued") {
  Folder folder;
  ExperimentRequest request = SmallRequest(folder.path());
  request.dirty_build = true;
  FakeRunner runner;
  runner.fail_at = 1;
  REQUIRE_FALSE(RunFake(request, runner).ok());
  const Result<Experiment> again = RunFake(request, runner);
  REQUIRE_FALSE(again.ok());
  CHECK(again.error().message.find("dirty build cannot be continued") != std::string::npos);
  CHECK(runner.made == 2);
}

TEST_CASE("AbExperiment: a folder with something else, and arms that change the load, are refused before a run") {
  Folder folder;
  std::ofstream(folder.path() + "/something") << "x";
  FakeRunner runner;
  const Result<Experiment> other = RunFake(SmallRequest(folder.path()), runner);
  REQUIRE_FALSE(other.ok());
  CHECK(other.error().message.find("holds something else") != std::string::npos);
  Folder finished;
  std::ofstream(finished.path() + "/ab.json") << "{}";
  CHECK(RunFake(SmallRequest(finished.path()), runner).error().message.find("finished A/B") != std::string::npos);
  Folder empty;
  ExperimentRequest request = SmallRequest(empty.path());
  request.arms[1].settings.load.rps = 100;
  const Result<Experiment> load = RunFake(request, runner);
  REQUIRE_FALSE(load.ok());
  CHECK(load.error().message.find("would not run the plan of arm 'off'") != std::string::npos);
  CHECK(runner.made == 0);
}

TEST_CASE("AbExperiment: each arm runs in its build, and two builds that make different plans are refused at once") {
  Folder folder;
  ExperimentRequest request = SmallRequest(folder.path());
  SetBuild(request.arms[0], "/first/bin", "11111111");
  SetBuild(request.arms[1], "/second/bin", "22222222");
  FakeRunner runner;
  std::map<std::string, std::string> build_of;
  const auto asked = [&](const RunRequest& run) {
    build_of[run.strategy] = run.bin_dir;
    return runner(run);
  };
  REQUIRE(RunExperiment(request, asked, [](const std::string&) {}).ok());
  CHECK(build_of == std::map<std::string, std::string>{{"off", "/first/bin"}, {"two-layer", "/second/bin"}});

  Folder again;
  request.out = again.path();
  runner.made = 0;
  const auto other_plan = [&](const RunRequest& run) {
    const Result<RunOutcome> outcome = runner(run);
    Json result = Json::parse(std::ifstream(run.out + "/result.json"));
    result["plan_fingerprint"] = run.bin_dir;
    std::ofstream(run.out + "/result.json") << result;
    return outcome;
  };
  const Result<Experiment> refused = RunExperiment(request, other_plan, [](const std::string&) {});
  REQUIRE(!refused.ok());
  CHECK(refused.error().message.find("different plans") != std::string::npos);
  CHECK(runner.made == 2);
}

TEST_CASE("AbRunFacts: what a result says, and what is no result") {
  const std::vector<ReadableMetric> metrics =
      *ReadableMetrics({{"rss", "max(routers.peak_rss_bytes)", true, 1}, {"cov", "routing.load_cov", true, 1}});
  const nlohmann::json result = nlohmann::json::parse(R"({"schema_version":1,"strategy":"off","verdict":"slo_missed",
    "machine":{"cpu":"a cpu","cores":2,"memory_bytes":25276510208,"kernel":"Linux 6.1"},
    "trust":{"ok":true},"routers":[{"peak_rss_bytes":5},{"peak_rss_bytes":7}],"routing":{"load_cov":-1}})");
  const Result<RunFacts> facts = FactsOf(result, metrics, "f");
  REQUIRE(facts.ok());
  CHECK(facts->comparable());
  CHECK(facts->machine == "a cpu, 2 cores, 23.5 GiB, Linux 6.1");
  CHECK(facts->values == std::vector<std::optional<double>>{7.0, std::nullopt});
  const std::vector<ReadableMetric> percentiles = *ReadableMetrics({{"v", "visibility.ms.p99", true, 1}});
  nlohmann::json with_samples = result;
  with_samples["visibility"] = {{"pairs", 3}, {"ms", {{"p99", 5}}}};
  CHECK(FactsOf(with_samples, percentiles, "f")->samples == std::vector<std::optional<double>>{3.0});
  CHECK(facts->samples == std::vector<std::optional<double>>(2));
  CHECK(FactsOf(nlohmann::json::object(), metrics, "f").error().message.find("f: is not a result") == 0);
  CHECK(ReadRun("/nowhere.json", metrics).error().message == "/nowhere.json: No such file or directory");
  CHECK(ReadableMetrics({{"x", "placements.lots", true, 1}}).error().message.find("metric 'x': unknown field") == 0);
  CHECK(ReadableMetrics({{"x", "routers.peak_rss_bytes", true, 1}}).error().message.find("many values") !=
        std::string::npos);
  CHECK_FALSE(ReadableMetrics({{"x", "placements.lost == 0", true, 1}}).ok());
}

}  // namespace
}  // namespace prefixmesh::bench::ab
