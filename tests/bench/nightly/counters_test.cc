// Counters of the first gate: the same every time, and a change is told and accepted with a trace.
#include "bench/nightly/counters.h"

#include <spdlog/spdlog.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/temp_dir.h"

namespace prefixmesh::bench {
namespace {

const std::vector<CounterCell> kCells = {{.strategy = "two-layer", .routers = 2},
                                         {.strategy = "raw-ops", .options = "rate=5", .seconds = 10}};

TEST_CASE("counters are the same every time, and count what happened") {
  spdlog::set_level(spdlog::level::off);
  std::size_t heard = 0;
  const Counters counters = CountOnVirtualTime(kCells, [&](const std::string&) { ++heard; });
  CHECK(heard == 2);
  CHECK(CountOnVirtualTime(kCells, [](const std::string&) {}) == counters);
  CHECK(counters.at("two-layer/2 placements") > 1000);
  CHECK(counters.at("two-layer/2 applied") == counters.at("two-layer/2 placements"));
  CHECK(counters.at("two-layer/2 oversize") == 0);
  CHECK(counters.at("raw-ops,10s,rate=5 placements") > 0);
  CHECK(counters.at("raw-ops,10s,rate=5 built_bytes") > 0);
}

TEST_CASE("seeds hold the rules, and each is told") {
  spdlog::set_level(spdlog::level::off);
  const SeedsOutcome outcome = HoldRules(3, [](const std::string&) {});
  CHECK(outcome.seeds == 3);
  CHECK(outcome.broken.empty());
}

TEST_CASE("the golden counters are what this tree counts") {
  spdlog::set_level(spdlog::level::off);
  const Counters golden = *ReadGolden(GoldenPath("results"));
  const Counters now = CountOnVirtualTime(LoadSuite("short")->counters, [](const std::string&) {});
  CHECK(now.size() == golden.size());
  for (const CounterChange& each : ChangesOf(golden, now))
    FAIL_CHECK(each.name + " was " + std::to_string(each.was.value_or(0)) + " and is " +
               std::to_string(each.is.value_or(0)) + "; if that is meant: prefixmesh nightly --accept \"why\"");
}

TEST_CASE("a change of one counter is a change, whichever way; so is one that came or went") {
  const Counters golden = {{"a x", 1}, {"a y", 2}, {"a z", 3}, {"of another suite", 9}},
                 now = {{"a x", 1}, {"a y", 1}, {"b x", 4}};
  const std::vector<CounterChange> changes = ChangesOf(golden, now);
  REQUIRE(changes.size() == 3);
  CHECK((changes[0].name == "a y" && changes[0].was == 2u && changes[0].is == 1u));
  CHECK((changes[1].name == "a z" && changes[1].is == std::nullopt));
  CHECK((changes[2].name == "b x" && changes[2].was == std::nullopt));
  CHECK(ChangesOf(golden, golden).empty());
}

TEST_CASE("what is accepted is golden from then on, and says when, why and what changed") {
  const test::TempDir dir;
  const std::string path = GoldenPath(dir.path());
  CHECK(path == dir / "golden/counters.json");
  CHECK(ReadGolden(path).error().code == ErrorCode::kNotFound);
  REQUIRE(AcceptGolden(path, {{"a x", 1}}, "2026-11-29T00:00:00Z", "c1", "first").ok());
  REQUIRE(AcceptGolden(path, {{"a x", 2}}, "2026-11-30T00:00:00Z", "c2", "a smaller frame").ok());
  CHECK(*ReadGolden(path) == Counters{{"a x", 2}});
  REQUIRE(AcceptGolden(path, {{"b x", 3}}, "2026-12-01T00:00:00Z", "c3", "another suite").ok());
  CHECK(*ReadGolden(path) == Counters{{"a x", 2}, {"b x", 3}});
  const nlohmann::json json = nlohmann::json::parse(std::ifstream(path));
  REQUIRE(json["accepted"].size() == 3);
  CHECK(json["accepted"][1]["why"] == "a smaller frame");
  CHECK(json["accepted"][1]["commit"] == "c2");
  CHECK(json["accepted"][1]["changes"] == nlohmann::json({{{"name", "a x"}, {"was", 1}, {"is", 2}}}));
}

TEST_CASE("golden figures that are none are refused by file") {
  const test::TempDir dir;
  const std::string path = dir / "g.json";
  for (const char* text : {"", "[]", "{\"counters\":3}", "{\"counters\":{\"a\":-1}}", "{\"counters\":{\"a\":1.5}}"}) {
    std::ofstream(path, std::ios::trunc) << text;
    const Result<Counters> golden = ReadGolden(path);
    REQUIRE(!golden.ok());
    CHECK(golden.error().message.find("g.json") != std::string::npos);
    CHECK(!AcceptGolden(path, {}, "", "", "").ok());
  }
}

}  // namespace
}  // namespace prefixmesh::bench
