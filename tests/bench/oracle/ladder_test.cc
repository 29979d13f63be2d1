// Goal: each step of the ladder has the cause that it is named for and no other, and the steps sum to the whole.
// Method: small traces in which one cause alone can cost anything, so that every world is known by counting blocks; and
// random plans, for what holds always.
#include "bench/oracle/ladder.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/support/temp_dir.h"

namespace prefixmesh::bench {
namespace {

constexpr std::int64_t kTraceBlockBytes = 2048;  // 8 blocks of a worker

struct Sent {
  int at_ms = 0;
  std::vector<int> blocks;  // equal numbers are equal bytes
};

class Scene {
 public:
  explicit Scene(const std::vector<Sent>& requests, std::uint64_t workers = 1, std::uint64_t routers = 1) {
    std::ofstream file(folder_ / "trace.jsonl");
    for (const Sent& each : requests) {
      file << R"({"timestamp": )" << each.at_ms << R"(, "input_length": )" << each.blocks.size() * 512
           << R"(, "output_length": 1, "hash_ids": [)";
      for (std::size_t i = 0; i < each.blocks.size(); ++i) file << (i > 0 ? ", " : "") << each.blocks[i];
      file << "]}\n";
    }
    file.close();
    settings = *load::LoadScenario("trace");
    settings.trace.path = folder_ / "trace.jsonl";
    settings.phases.warmup_s = 0;
    settings.phases.load_s = requests.back().at_ms / 1e3 + 1;
    settings.workers.count = workers;
    settings.routers.count = routers;
    settings.routers.spread = "round-robin";
  }

  // Every request was answered, and found `cached_bytes` cached.
  Ladder Climb(std::int64_t cached_bytes, const std::optional<Visibility>& visibility = Visibility()) const {
    const Result<load::Plan> plan = load::BuildPlan(settings, 1);
    REQUIRE(plan.ok());
    std::vector<load::RequestRecord> records(plan->requests().size());
    for (load::RequestRecord& record : records) record.outcome = load::Outcome::kOk;
    records.back().cached_bytes = static_cast<std::uint32_t>(cached_bytes);
    return RunLadder(*plan, settings, records, visibility);
  }

  load::Settings settings;

 private:
  test::TempDir folder_;
};

using Steps = std::vector<std::optional<std::int64_t>>;

Steps StepsOf(const Ladder& ladder) {
  Steps steps;
  for (std::size_t i = 0; i < kStepCount; ++i) steps.push_back(ladder.Step(i));
  return steps;
}

Visibility After(std::uint64_t microseconds, std::uint64_t never = 0) {
  load::Histogram delays;
  delays.Record(microseconds);
  return Visibility(delays, never);
}

// Eight prompts, each sent to router 0 and a second later to router 1, over so many workers that the same one is not
// found by chance.
Scene Handovers() {
  std::vector<Sent> requests;
  for (int i = 0; i < 8; ++i)
    for (const int second : {0, 1}) requests.push_back({(2 * i + second) * 1000, {i}});
  return Scene(requests, 200, 2);
}
constexpr std::int64_t kHandoverBytes = 8 * kTraceBlockBytes;

TEST_CASE("Ladder: what every world has cached is lost nowhere, and new prompts are cached in none") {
  const Scene scene({{0, {1, 2}}, {1000, {1, 2}}, {2000, {1, 3}}, {3000, {4}}});
  const Ladder ladder = scene.Climb(3 * kTraceBlockBytes);
  CHECK(ladder.prompt_bytes == 7 * kTraceBlockBytes);
  CHECK(ladder.Of(World::kUnlimited) == 3 * kTraceBlockBytes);
  CHECK(StepsOf(ladder) == Steps{0, 0, 0, 0});
  CHECK_FALSE(ladder.unsynced.has_value());  // there is one router
}

TEST_CASE("Ladder: the step of capacity is what a cache of the fleet's size has no room for") {
  Scene scene({{0, {1}}, {1000, {2}}, {2000, {1}}, {3000, {2}}});
  scene.settings.workers.cache_blocks = 8;  // one of the two
  CHECK(StepsOf(scene.Climb(0)) == Steps{2 * kTraceBlockBytes, 0, 0, 0});
  scene.settings.workers.cache_blocks = 16;
  CHECK(StepsOf(scene.Climb(2 * kTraceBlockBytes)) == Steps{0, 0, 0, 0});
}

TEST_CASE("Ladder: the step of workers is what one cache would have had on arrival") {
  Scene scene({{0, {1}}, {1000, {1}}});
  scene.settings.workers.prefill_us_per_block = 200'000;  // the first prefill ends after 1.6 s
  CHECK(StepsOf(scene.Climb(0)) == Steps{0, kTraceBlockBytes, 0, 0});
}

TEST_CASE("Ladder: the step of routers is what a router does not know yet when a request comes") {
  const Scene scene = Handovers();
  CHECK(StepsOf(scene.Climb(0)) == Steps{0, 0, kHandoverBytes, 0});  // no sync
  CHECK(StepsOf(scene.Climb(0, After(1'500'000))) == Steps{0, 0, kHandoverBytes, 0});
  CHECK(StepsOf(scene.Climb(kHandoverBytes, After(500'000))) == Steps{0, 0, 0, 0});
  const Ladder some = scene.Climb(0, After(500'000, 1));  // every other one never
  CHECK(*some.Step(2) % kTraceBlockBytes == 0);
  CHECK(*some.Step(2) > 0);
  CHECK(*some.Step(2) < kHandoverBytes);
}

TEST_CASE("Ladder: the step of the run is what it had less than its model, and below 0 it had more") {
  const Scene scene = Handovers();
  CHECK(StepsOf(scene.Climb(0, After(0))) == Steps{0, 0, 0, kHandoverBytes});
  CHECK(StepsOf(scene.Climb(kTraceBlockBytes, Visibility())) == Steps{0, 0, kHandoverBytes, -kTraceBlockBytes});
}

TEST_CASE("Ladder: sync brought what the run had beyond routers that learn nothing") {
  const Scene scene = Handovers();
  const Ladder synced = scene.Climb(kHandoverBytes, After(0));
  CHECK(synced.unsynced == 0u);
  CHECK(synced.GainedBySync() == kHandoverBytes);
  CHECK(synced.Share(synced.GainedBySync()) == 0.5);
}

TEST_CASE("Ladder: where no delay was measured, the two steps around it are unknown and nothing else is") {
  const Ladder ladder = Handovers().Climb(0, std::nullopt);
  CHECK(StepsOf(ladder) == Steps{0, 0, std::nullopt, std::nullopt});
  CHECK(ladder.unsynced == 0u);
}

TEST_CASE("Ladder: on any plan the steps sum to the whole, C0 bounds every world, and instant sync is one router") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    load::Settings settings = *load::LoadScenario(seed % 2 == 0 ? "templates" : "chat");
    settings.prompt.chars = 6000;
    settings.prompt.templates = 30;
    settings.chat.sessions = 20;
    settings.chat.system_chars = 2000;
    settings.chat.turn_chars = 1500;
    settings.load.rps = 60;
    settings.phases.warmup_s = 1;
    settings.phases.load_s = 4;
    settings.workers.count = 1 + seed;
    settings.workers.cache_blocks = 100 * seed;
    settings.routers.count = 1 + seed % 3;
    const Result<load::Plan> plan = load::BuildPlan(settings, seed);
    REQUIRE(plan.ok());
    Prng prng(seed);
    std::vector<load::RequestRecord> records(plan->requests().size());
    for (load::RequestRecord& record : records) {
      record.outcome = prng.Below(5) == 0 ? load::Outcome::kFailed : load::Outcome::kOk;
      record.cached_bytes = static_cast<std::uint32_t>(256 * prng.Below(20));
    }
    const Ladder ladder = RunLadder(*plan, settings, records, After(30'000, 1));
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < kStepCount; ++i) sum += ladder.Step(i).value();
    INFO("seed " << seed);
    CHECK(sum == static_cast<std::int64_t>(*ladder.Of(World::kUnlimited)) -
                     static_cast<std::int64_t>(*ladder.Of(World::kRun)));
    for (const World world : {World::kFleetLru, World::kOneRouter, World::kRouters})
      CHECK(ladder.Of(world) <= ladder.Of(World::kUnlimited));
    CHECK(ladder.unsynced.value_or(0) <= ladder.Of(World::kUnlimited));
    const Ladder again = RunLadder(*plan, settings, records, After(30'000, 1));
    CHECK(again.cached_bytes == ladder.cached_bytes);
    const Ladder instant = RunLadder(*plan, settings, records, After(0));
    CHECK(instant.Step(2) == 0);
  }
}

}  // namespace
}  // namespace prefixmesh::bench
