// Goal: the fleet on virtual time counts what its workers did, and shows what a policy changes. Method: small fleets of
// which the answer is known: one worker that nobody waits for, a burst, a slow worker.
#include "bench/fleet/fleet_sim.h"

#include <spdlog/spdlog.h>

#include <catch2/catch.hpp>
#include <string>

namespace prefixmesh::bench {
namespace {

load::Settings Small(const std::string& scenario, std::initializer_list<const char*> overrides) {
  Result<load::Settings> settings = load::LoadScenario(scenario);
  REQUIRE(settings.ok());
  for (const char* each : overrides) REQUIRE(load::ApplyOverride(*settings, each).ok());
  return *settings;
}

FleetFigures Run(const load::Settings& settings, const char* strategy, const FleetOptions& options = {}) {
  spdlog::set_level(spdlog::level::warn);
  const Result<load::Plan> plan = load::BuildPlan(settings, options.seed);
  REQUIRE(plan.ok());
  Result<FleetFigures> figures = RunFleet(*plan, settings, *FindStrategy(strategy), options);
  REQUIRE(figures.ok());
  return *figures;
}

const std::initializer_list<const char*> kSmallFleet = {
    "workers.count=24", "routers.count=4",     "load.rps=20",         "chat.sessions=100",
    "phases.load_s=20", "phases.warmup_s=10s", "route.policy=bounded"};

TEST_CASE("Fleet: one worker that is never waited for caches every repeat, and a request lasts what it takes") {
  const load::Settings settings =
      Small("chat", {"workers.count=1", "routers.count=1", "load.rps=2", "load.arrivals=constant", "phases.load_s=60",
                     "phases.warmup_s=0", "workers.decode_ms=60", "workers.prefill_us_per_block=100"});
  const FleetFigures figures = Run(settings, "off");
  REQUIRE(figures.requests == 120);
  REQUIRE(figures.failed == 0);
  REQUIRE(figures.cached_bytes == figures.repeat_bytes);
  REQUIRE(figures.again_bytes == 0);
  REQUIRE(figures.queue_max == 1);
  REQUIRE(figures.latency_us.min() >= 60'000);
  // 60 ms, four hops of 0.2 ms, and at most the longest prompt's prefill.
  REQUIRE(figures.latency_us.max() <= 60'000 + 1000 + 68'000 / 256 * 100);
}

TEST_CASE("Fleet: the same plan, settings and strategy give the same figures") {
  const load::Settings settings = Small("fleet", kSmallFleet);
  const FleetFigures a = Run(settings, "two-layer"), b = Run(settings, "two-layer");
  REQUIRE(a.requests == 400);
  REQUIRE(a.cached_bytes == b.cached_bytes);
  REQUIRE(a.latency_us.Encode() == b.latency_us.Encode());
  REQUIRE(a.sync_bytes == b.sync_bytes);
  REQUIRE(a.sync_bytes > 0);
}

TEST_CASE("Fleet: what sync brings reaches the user, with the bounded policy; without room for it nothing does") {
  const load::Settings settings = Small("fleet", kSmallFleet);
  load::Settings in_turn = settings;
  in_turn.route.policy = "round-robin";
  const FleetFigures synced = Run(settings, "two-layer"), off = Run(settings, "off"), turns = Run(in_turn, "off"),
                     one = Run(settings, "off", {.one_router = true});
  REQUIRE(synced.cached_share() > off.cached_share() + 0.05);
  REQUIRE(synced.cached_share() > 0.97 * one.cached_share());
  REQUIRE(synced.again_share() < off.again_share());
  REQUIRE(synced.ttft_us.Mean() < 0.9 * off.ttft_us.Mean());
  REQUIRE(synced.ttft_us.Mean() < 0.9 * turns.ttft_us.Mean());
  REQUIRE(static_cast<double>(synced.latency_us.Percentile(99)) <=
          1.05 * static_cast<double>(turns.latency_us.Percentile(99)));
  REQUIRE(synced.goodput_share() > turns.goodput_share());
  REQUIRE(turns.cached_share() < off.cached_share());
}

TEST_CASE("Fleet: a burst of one prompt at many routers does not end up at one worker") {
  const std::initializer_list<const char*> burst = {"workers.count=40", "load.burst=32", "load.rps=32",
                                                    "phases.load_s=30"};
  load::Settings settings = Small("herd", burst);
  const FleetFigures historical = Run(settings, "two-layer");
  settings.route.policy = "bounded";
  const FleetFigures bounded = Run(settings, "two-layer");
  REQUIRE(bounded.queue_max < historical.queue_max);
  const FleetFigures one = Run(settings, "off", {.one_router = true});
  REQUIRE(bounded.queue_max <= one.queue_max + settings.workers.concurrency + 1);
  REQUIRE(bounded.latency_us.Percentile(99) < historical.latency_us.Percentile(99));
}

TEST_CASE("Fleet: workers that are ten times slower get less, and few wait for them") {
  const load::Settings settings =
      Small("slow-workers", {"workers.count=20", "routers.count=2", "load.rps=15", "chat.sessions=100",
                             "phases.load_s=60", "phases.warmup_s=10", "route.policy=bounded"});
  load::Settings in_turn = settings;
  in_turn.route.policy = "round-robin";
  REQUIRE(Run(settings, "two-layer").latency_us.Percentile(99) < Run(in_turn, "off").latency_us.Percentile(99) / 2);
}

TEST_CASE("Fleet: a fault is refused in one line, and too much load ends") {
  const load::Settings cut = Small("partition", {"phases.load_s=2"});
  const Result<load::Plan> plan = load::BuildPlan(cut, 1);
  REQUIRE(plan.ok());
  const Result<FleetFigures> refused = RunFleet(*plan, cut, *FindStrategy("off"), {});
  REQUIRE_FALSE(refused.ok());
  REQUIRE(refused.error().message.find("partition") != std::string::npos);
  for (const char* fault : {"clear.at=0.5", "restart.at=0.5"})
    REQUIRE_FALSE(RunFleet(*plan, Small("fleet", {fault}), *FindStrategy("off"), {}).ok());
  // Two workers that take ten minutes for a request.
  const FleetFigures figures = Run(Small("fleet", {"workers.count=2", "workers.concurrency=1", "load.rps=5",
                                                   "workers.decode_ms=600000", "phases.warmup_s=0", "phases.load_s=4"}),
                                   "off");
  REQUIRE(figures.requests + figures.failed == 20);
  REQUIRE(figures.failed > 0);
}

TEST_CASE("Fleet: peers that are heard once a second only, or workers that are all full, make no herd") {
  const auto with = [](std::initializer_list<const char*> more) {
    load::Settings settings = Small("fleet", kSmallFleet);
    for (const char* each : more) REQUIRE(load::ApplyOverride(settings, each).ok());
    return settings;
  };
  const load::Settings slow_rounds = with({"two_layer.round_ms=1000"});
  const FleetFigures late = Run(slow_rounds, "two-layer"), off = Run(slow_rounds, "off");
  REQUIRE(late.ttft_us.Mean() < off.ttft_us.Mean());
  REQUIRE(late.queue_max <= off.queue_max);

  // 24 workers of 4 slots serve 37 a second; 55 come, so lines grow to some 5 a worker.
  const FleetFigures full = Run(with({"load.rps=55", "phases.load_s=10", "phases.warmup_s=0"}), "two-layer");
  REQUIRE(full.requests + full.failed == full.requests);
  REQUIRE(full.load_cov < 0.25);
  REQUIRE(full.queue_max <= 20);
}

TEST_CASE("Fleet: at the largest sizes that the settings take") {
  const load::Settings settings =
      Small("fleet", {"workers.count=1000", "routers.count=64", "load.rps=200", "phases.load_s=2", "phases.warmup_s=0",
                      "route.policy=bounded", "two_layer.round_ms=500"});
  const FleetFigures figures = Run(settings, "two-layer");
  REQUIRE(figures.requests == 400);
  REQUIRE(figures.queue_max <= 16);
}

}  // namespace
}  // namespace prefixmesh::bench
