// Goal: the load side works end to end over real sockets: real workers, stub routers, a short run, load.json.
#include "loadgen/drive/session.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "loadgen/clock/process.h"
#include "loadgen/worker/worker_pool.h"
#include "tests/loadgen/real/stub_router.h"
#include "tests/support/temp_dir.h"

namespace prefixmesh::load {
namespace {

struct Bench {
  explicit Bench(bool shared) {
    WorkerPoolOptions options;
    options.ports = std::vector<std::uint16_t>(4, 0);
    options.service.prefill_per_block = std::chrono::microseconds(20);
    options.service.decode = std::chrono::milliseconds(5);
    auto started = WorkerPool::Start(options, clock);
    REQUIRE(started.ok());
    workers = std::move(*started);
    routers = StubRouters::Start(2, workers->addresses(), shared);
  }
  SessionOptions Options(const std::string& strategy) {
    SessionOptions session;
    session.settings = *LoadScenario("templates");
    session.settings.load.rps = 100;
    session.settings.load.timeout_s = 5;
    session.settings.phases.warmup_s = 0.5;
    session.settings.phases.load_s = 1.5;
    session.settings.workers.count = 4;
    session.settings.prompt.chars = 8000;
    session.settings.prompt.templates = 10;
    session.settings.probe.visibility_share = 0.2;
    session.settings.probe.placements = 50;
    session.settings.trust = {.schedule_delay_p99_ms = 1e6, .schedule_delay_max_ms = 1e6, .cpu_cores = 1000};
    session.routers = routers->addresses();
    session.out_dir = out_dir.path();
    session.strategy = strategy;
    session.on_event = [this](const std::string& line) { events.push_back(nlohmann::json::parse(line)); };
    return session;
  }
  nlohmann::json Result() const {
    std::ifstream file(out_dir / "load.json");
    return nlohmann::json::parse(file);
  }

  RealClock clock;
  std::unique_ptr<WorkerPool> workers;
  std::unique_ptr<StubRouters> routers;
  prefixmesh::test::TempDir out_dir;
  std::vector<nlohmann::json> events;
};

TEST_CASE("Session: every planned request is sent and answered, and the workers' counts are the generator's") {
  Bench bench(true);
  auto session = Session::Prepare(bench.Options("two-layer"));
  REQUIRE(session.ok());
  REQUIRE((*session)->Run().ok());
  REQUIRE((*session)->Probe().ok());
  const nlohmann::json result = bench.Result();
  INFO(result.dump(1));
  REQUIRE(result["load"]["planned"] == 150);
  REQUIRE(result["load"]["sent"] == 150);
  REQUIRE(result["load"]["ok"] == 150);
  REQUIRE(result["load"]["dropped"] == 0);
  REQUIRE(result["trust"]["ok"] == true);
  REQUIRE(result["routing"]["cached_share"] > 0.5);
  std::uint64_t prompt_bytes = 0, cached_bytes = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    prompt_bytes += bench.workers->Figures(i).prompt_bytes;
    cached_bytes += bench.workers->Figures(i).cached_bytes;
  }
  REQUIRE(prompt_bytes == 200u * 8000u);
  REQUIRE(cached_bytes >= result["routing"]["cached_bytes"]);
  const nlohmann::json& placements = result["placements"];
  REQUIRE(placements["learned"] == 200);
  REQUIRE(placements["pairs"] == 50);
  REQUIRE(placements["applied"] == 50);
  REQUIRE(result["visibility"]["visible_share"] == 1.0);
  REQUIRE(result["visibility"]["visible"] > 10);
  std::vector<std::string> phases;
  for (const auto& event : bench.events) {
    if (event["event"] == "phase") phases.push_back(event["phase"]);
  }
  REQUIRE(phases == std::vector<std::string>{"warmup", "load", "load_end"});
  REQUIRE(bench.events.back()["event"] == "load_done");
}

TEST_CASE("Session: routers that tell each other nothing lose what they did not send themselves") {
  Bench bench(false);
  auto session = Session::Prepare(bench.Options("off"));
  REQUIRE(session.ok());
  REQUIRE((*session)->Run().ok());
  REQUIRE((*session)->Probe().ok());
  const nlohmann::json result = bench.Result();
  REQUIRE(result["visibility"]["visible_share"].is_null());
  REQUIRE(result["not_measured"]["visibility.visible_share"] == "visibility is not sampled for off");
  REQUIRE(result["placements"]["applied"] == 0);
  REQUIRE(result["placements"]["partial"] == 0);  // what depth there is, the peer's own requests explain
  REQUIRE(result["placements"]["lost"] == 50);
}

TEST_CASE("Session: a router that dies gives failed requests and an event, and the run ends in time") {
  Bench bench(true);
  auto session = Session::Prepare(bench.Options("two-layer"));
  REQUIRE(session.ok());
  std::thread killer([&] {
    SleepUntil(bench.clock.Now() + std::chrono::milliseconds(900));
    bench.routers->Stop(1);
  });
  REQUIRE((*session)->Run().ok());
  killer.join();
  const nlohmann::json result = bench.Result();
  REQUIRE(result["load"]["sent"] == 150);
  REQUIRE(result["load"]["failed"] > 10);
  int by_status = 0;
  for (const auto& requests : result["load"]["failed_by_status"]) by_status += requests.get<int>();
  REQUIRE(by_status == result["load"]["failed"]);
  REQUIRE(result["load"]["failed_by_status"].contains("UNAVAILABLE"));
  REQUIRE(result["load"]["ok"].get<int>() + result["load"]["failed"].get<int>() == 150);
  bool told = false;
  for (const auto& event : bench.events) told = told || (event["event"] == "failure" && event["router"] == "r1");
  REQUIRE(told);
}

TEST_CASE("Session: a router that is not there is named") {
  Bench bench(true);
  SessionOptions options = bench.Options("off");
  options.routers[1].address = "127.0.0.1:1";
  options.connect_timeout = std::chrono::milliseconds(300);
  const auto session = Session::Prepare(std::move(options));
  REQUIRE_FALSE(session.ok());
  REQUIRE(session.error().message == "router r1 at 127.0.0.1:1 does not accept connections: Connection refused");
}

}  // namespace
}  // namespace prefixmesh::load
