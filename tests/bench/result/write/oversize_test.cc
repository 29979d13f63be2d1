// Goal: a frame of two-layer above the transport's limit is seen wherever somebody may look: by the strategy, in the
// log, by kind and layer, on /metrics, second by second, per phase, by the objective and by `ab`. Method: two simulated
// routers, over a network whose limit on a frame is far below what two-layer sends; what they count takes the way of a
// run, but for the process between: tests/real/metrics_test.py and the runs there have that.
#include <catch2/catch.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "bench/ab/guards.h"
#include "bench/report/report.h"
#include "bench/result/write/build_result.h"
#include "bench/run/objectives.h"
#include "bench/sim/sim_mesh.h"
#include "impl/figures/metrics_text.h"
#include "impl/figures/router_figures.h"
#include "impl/node/size_figures.h"
#include "impl/sync/two_layer/two_layer.h"
#include "tests/support/log_lines.h"

namespace prefixmesh::bench {
namespace {

using std::chrono::seconds;

constexpr std::size_t kLimit = 200;  // hellos and digests fit, a round with a few records does not

SimNetworkOptions Narrow() {
  SimNetworkOptions options;
  options.frame_bytes = kLimit;
  return options;
}

class TwoRouters {
 public:
  TwoRouters() : network_(world_, 2, Narrow(), 1) {
    workers_.all.resize(4);
    workers_.models = {"m"};
    for (std::size_t i = 0; i < 4; ++i) workers_.all[i].Become(Time{0}, Incarnation{i + 1});
    for (std::size_t node = 0; node < 2; ++node) {
      sim::SimRouter::Parameters parameters;
      parameters.node = node;
      parameters.nodes = 2;
      parameters.incarnation = Incarnation{node + 1};
      parameters.seed = 1;
      routers_.push_back(
          std::make_unique<sim::SimRouter>(sim::OptionsOf(sim::Swarm::Calm(), *FindStrategy("two-layer"), 1, node),
                                           parameters, world_, network_, workers_));
    }
  }
  // The first router places so many prompts that nobody placed before, at once.
  void Place(int prompts) {
    for (int i = 0; i < prompts; ++i) {
      std::vector<NodeId> ids;
      for (int block = 0; block < 8; ++block) ids.push_back(NodeId{++next_id_ * 0x9e3779b97f4a7c15u});
      REQUIRE(routers_[0]->Place("m", Kind::kText, ids).has_value());
    }
  }
  void Run(Time length) { world_.RunUntil(world_.now() + length); }
  void LiftLimit() { network_.SetLimits(1024, 8u << 20, two_layer::TwoLayer::kFrameBytesMax); }

  MeshStats stats(std::size_t node) const { return routers_[node]->stats(); }
  Readings Read(std::size_t node) const {
    Readings readings;
    ReadSizes(stats(node), readings);
    return readings;
  }
  Sample Sampled() const {
    Sample sample;
    sample.t_s = std::chrono::duration<double>(world_.now()).count();
    for (std::size_t node = 0; node < 2; ++node)
      sample.routers.push_back({std::nullopt, CountersOf(Read(node), sample.t_s)});
    return sample;
  }

 private:
  SimWorld world_;
  SimNetwork network_;
  sim::SimWorkers workers_;
  std::vector<std::unique_ptr<sim::SimRouter>> routers_;
  std::uint64_t next_id_ = 0;
};

Measured Begun(const TwoRouters& routers, const char* strategy = "two-layer") {
  Measured m;
  m.strategy = strategy;
  m.settings = *load::LoadScenario("reference");
  AddSyncObjectives(strategy, m.settings);
  for (const char* name : {"router-a", "router-b"}) m.routers.emplace_back().name = name;
  m.load_begin = routers.Sampled();
  return m;
}
void Settle(const TwoRouters& routers, Measured& m) {
  m.load_end = routers.Sampled();
  for (std::size_t i = 0; i < m.routers.size(); ++i) {
    m.routers[i].settled = true;
    m.routers[i].readings = routers.Read(i);
  }
}

std::uint64_t OversizeOf(const MeshStats& stats) {
  return stats.oversize[static_cast<std::size_t>(Oversize::kTransport)];
}

TEST_CASE("Oversize: what two-layer cannot send because of its size is told to it and sent when it can be") {
  TwoRouters routers;
  routers.Run(seconds(2));
  REQUIRE(OversizeOf(routers.stats(0)) == 0);
  routers.Place(60);
  routers.Run(seconds(5));
  const MeshStats stats = routers.stats(0);
  REQUIRE(OversizeOf(stats) > 0);
  REQUIRE(stats.sends_by_outcome.at("too_big") == OversizeOf(stats));
  REQUIRE(stats.strategy.records.local == 60);
  REQUIRE(stats.strategy.records.sent == 0);  // not taken for sent
  REQUIRE(OversizeOf(stats) < 20);            // nor built again at every beat of 50 ms
  REQUIRE(stats.streams_ended_by_size == 0);
  REQUIRE(stats.peers_up == 1);
  routers.LiftLimit();
  routers.Run(seconds(5));
  REQUIRE(routers.stats(1).strategy.records.applied == 60);
  REQUIRE(OversizeOf(routers.stats(0)) <= OversizeOf(stats) + 1);
}

TEST_CASE("Oversize: one of two-layer is in the log, by kind and layer, on /metrics, in series, phases and objective") {
  const test::LogLines log;
  TwoRouters routers;
  Measured m = Begun(routers);
  m.samples.push_back(routers.Sampled());
  routers.Run(seconds(2));
  routers.Place(60);
  for (int second = 0; second < 3; ++second) {
    routers.Run(seconds(1));
    m.samples.push_back(routers.Sampled());
  }
  Settle(routers, m);
  const std::uint64_t loaded = OversizeOf(routers.stats(0));
  routers.Run(seconds(4));
  m.idle_end = routers.Sampled();
  const std::uint64_t all = OversizeOf(routers.stats(0));
  REQUIRE(loaded > 1);
  REQUIRE(all > loaded);  // in silence, too

  const std::vector<std::string> lines = log.Starting("sync refused: ");
  REQUIRE(lines.size() < all);  // one in ten seconds, and then how many there were meanwhile
  REQUIRE(lines[0].starts_with("sync refused: kind=transport peer=r001 model= layer=placements bytes="));
  REQUIRE(lines[0].find(" limit=") != std::string::npos);

  const MetricsSource router{"a", routers.Read(0)};
  const std::string page = MetricsText(kRouterFigures, "router", {&router, 1});
  const auto says = [&page](const std::string& series, std::uint64_t value) {
    return page.find("\nprefixmesh_sync_" + series + "} " + std::to_string(value) + "\n") != std::string::npos;
  };
  CHECK(says("oversize_total{router=\"a\",kind=\"transport\"", all));
  CHECK(says("oversize_total{router=\"a\",kind=\"entry\"", 0));
  CHECK(says("layer_oversize_total{router=\"a\",layer=\"placements\"", all));
  CHECK(says("streams_ended_by_size_total{router=\"a\"", 0));

  const nlohmann::ordered_json result = BuildResult(m);
  const auto& sync = result["routers"][0]["sync"];
  CHECK(sync["oversize_warnings"] == loaded);
  CHECK(sync["oversize"]["transport"] == loaded);
  CHECK(sync["by_layer"]["placements"]["oversize"] == loaded);
  CHECK(sync["by_layer"]["structure"]["oversize"] == 0);
  CHECK(sync["oversize_by_phase"]["load"] == loaded);
  CHECK(sync["oversize_by_phase"]["idle"] == all - loaded);
  CHECK(result["routers"][1]["sync"]["oversize_by_phase"]["load"] == 0);
  std::vector<std::uint64_t> series;
  for (const Sample& sample : m.samples) series.push_back(sample.routers[0].counters->oversize);
  CHECK(result["series"]["oversize"]["router-a"] == series);
  CHECK(series.front() == 0);
  CHECK(series.back() == loaded);

  std::size_t objectives = 0;
  for (const auto& slo : result["slo"]) {
    if (slo["expression"].get<std::string>().find("oversize") == std::string::npos) continue;
    ++objectives;
    CHECK(slo["value"] == (slo["name"] == "nothing is oversize" ? loaded : all - loaded));
    CHECK(slo["ok"] == false);
  }
  CHECK(objectives == 2);

  const Result<std::string> report = RenderReport({nlohmann::json(result)});
  REQUIRE(report.ok());
  for (const char* shown : {"id=\"plot-oversize\"", "oversize in load", "oversize in idle", "streams ended by size"}) {
    INFO(shown);
    CHECK(report->find(shown) != std::string::npos);
  }
}

TEST_CASE("Oversize: a run without any keeps its objectives, and `ab` calls one more in a pair regressed") {
  TwoRouters calm, narrow;
  calm.LiftLimit();
  Measured a = Begun(calm), b = Begun(narrow);
  for (TwoRouters* routers : {&calm, &narrow}) {
    routers->Run(seconds(2));
    routers->Place(60);
  }
  for (auto& [routers, m] : {std::pair<TwoRouters*, Measured*>{&calm, &a}, {&narrow, &b}}) {
    Settle(*routers, *m);  // before the round that is too big: all of it falls into silence
    routers->Run(seconds(2));
    m->idle_end = routers->Sampled();
  }
  const nlohmann::json of_a(BuildResult(a)), of_b(BuildResult(b));
  for (const auto& slo : of_a["slo"])
    if (slo["expression"].get<std::string>().find("oversize") != std::string::npos) CHECK(slo["ok"] == true);

  const ab::GuardValues values_a = ab::GuardValuesOf(of_a), values_b = ab::GuardValuesOf(of_b);
  const std::vector<std::pair<const ab::GuardValues*, const ab::GuardValues*>> pairs(9, {&values_a, &values_b}),
      same(9, {&values_a, &values_a});
  const auto verdict = [](const std::vector<ab::GuardResult>& results) {
    for (const ab::GuardResult& each : results)
      if (each.guard->name == "oversize warnings") return std::string(each.verdict);
    return std::string();
  };
  CHECK(verdict(ab::JudgeGuards(pairs)) == "regressed");
  CHECK(verdict(ab::JudgeGuards(same)) == "kept");

  // Every kind is among what it counts.
  for (std::size_t kind = 0; kind < kOversizeCount; ++kind) {
    MeshStats stats;
    stats.oversize[kind] = 1;
    ReadSizes(stats, a.routers[1].readings);
    a.idle_end->routers[1].counters = CountersOf(a.routers[1].readings, 0);
    const ab::GuardValues one = ab::GuardValuesOf(nlohmann::json(BuildResult(a)));
    CHECK(verdict(ab::JudgeGuards(std::vector<std::pair<const ab::GuardValues*, const ab::GuardValues*>>(
              9, {&values_a, &one}))) == "regressed");
  }
}

}  // namespace
}  // namespace prefixmesh::bench
