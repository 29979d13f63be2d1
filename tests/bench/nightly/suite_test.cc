// Suites: the built-in ones are sound, mistakes are told before a night begins.
#include "bench/nightly/suite.h"

#include <catch2/catch.hpp>

namespace prefixmesh::bench {
namespace {

std::string ErrorOf(const std::string& text) {
  const Result<Suite> suite = ParseSuite(text, "mine.toml");
  return suite.ok() ? "accepted" : suite.error().message;
}

TEST_CASE("the built-in suites are sound, and the short one is what 40 minutes can hold") {
  const Result<Suite> brief = LoadSuite("short"), full = LoadSuite("full");
  REQUIRE(brief.ok());
  REQUIRE(full.ok());
  CHECK(brief->simulator_seeds == 500);
  CHECK(full->simulator_seeds == 10000);
  CHECK(full->cells.size() > brief->cells.size());
  REQUIRE(brief->cells.size() == 3);
  for (const RunCell& cell : brief->cells) CHECK(cell.pairs == 9);
}

TEST_CASE("a suite says what it says") {
  const Result<Suite> suite = ParseSuite(R"(
description = "mine"
[simulator]
seeds = 3
[[counter]]
strategy = "raw-ops"
options = "rate=5"
seconds = 20
[[cell]]
scenario = "chat"
strategy = "off"
pairs = 12
set = ["load.rps=20"]
[fuzz]
seconds = 5
targets = ["result"]
[micro]
pairs = 10
filter = "text/"
[[profile]]
scenario = "chat"
strategy = "raw-ops"
set = ["load.rps=20"]
[[mute]]
figure = "chat/off latency p99"
reason = "a known stall"
until = "2026-12-31"
)",
                                         "mine.toml");
  REQUIRE(suite.ok());
  CHECK(suite->description == "mine");
  CHECK(suite->simulator_seeds == 3);
  REQUIRE(suite->counters.size() == 1);
  CHECK(suite->counters[0].seconds == 20);
  REQUIRE(suite->cells.size() == 1);
  CHECK(suite->cells[0].Name() == "chat/off");
  CHECK(suite->cells[0].set == std::vector<std::string>{"load.rps=20"});
  CHECK(suite->fuzz.seconds == 5);
  CHECK(suite->fuzz.targets == std::vector<std::string>{"result"});
  CHECK(suite->micro.pairs == 10);
  CHECK(suite->micro.filter == "text/");
  REQUIRE(suite->profiles.size() == 1);
  CHECK(suite->profiles[0].Name() == "chat/raw-ops");
  CHECK(suite->profiles[0].set == std::vector<std::string>{"load.rps=20"});
  REQUIRE(suite->mutes.size() == 1);
}

TEST_CASE("a mistake is one line with its file, line and key") {
  const std::pair<std::string, std::string> mistakes[] = {
      {"[[cell]]\nscenario = \"nope\"\nstrategy = \"off\"", "mine.toml:2: cell.scenario: unknown scenario 'nope'"},
      {"[[cell]]\nscenario = \"chat\"\nstrategy = \"nope\"", "mine.toml:3: cell.strategy: unknown strategy"},
      {"[[cell]]\nstrategy = \"off\"", "cell: needs scenario"},
      {"[[profile]]\nscenario = \"chat\"\nstrategy = \"off\"\nset = [\"load.rps=x\"]", "mine.toml:4: profile.set: "},
      {"[fuzz]\nseconds = 1\ntargets = [\"a; rm -rf b\"]", "mine.toml:3: fuzz.targets: a target is named in"},
      {"[micro]\npairs = 0", "mine.toml:2: micro.pairs: must be a whole number from 1"},
      {"fuzz = 3", "mine.toml:1: unknown key fuzz"},
      {"[[cell]]\nscenario = \"chat\"\nstrategy = \"off\"\nset = [\"load.rsp=1\"]", "cell.set: "},
      {"[[cell]]\nscenario = \"chat\"\nstrategy = \"off\"\npairs = 0", "cell.pairs: must be a whole number from 1"},
      {"[[cell]]\nscenario = \"chat\"\nstrategy = \"off\"\npears = 9", "cell.pears: unknown key (allowed: scenario"},
      {"[[counter]]\nstrategy = \"off\"", "counter.strategy: counters are of"},
      {"[[counter]]\nstrategy = \"raw-ops\"\noptions = \"speed=1\"", "counter.options: "},
      {"[[counter]]\nstrategy = \"raw-ops\"\nrouters = 4", "mine.toml:3: counter.routers: is of two-layer"},
      {"[[counter]]\nstrategy = \"two-layer\"\nseconds = 9", "mine.toml:3: counter.seconds: two-layer has none"},
      {"[[counter]]\nstrategy = \"two-layer\"\noptions = \"rate=5\"", "counter.options: two-layer has none"},
      {"[simulator]\nseeds = -1", "simulator.seeds: must be a whole number"},
      {"[[mute]]\nfigure = \"x\"\nreason = \"\"\nuntil = \"2026-12-31\"", "mute.reason: a mute needs one"},
      {"[[mute]]\nfigure = \"x\"\nreason = \"y\"\nuntil = \"soon\"", "mute.until: must be a day"},
      {"[night]\nx = 1", "unknown key night (allowed: description"},
      {"cell = 3", "unknown key cell"},
      {"", "asks for nothing"},
      {"[[cell]", "mine.toml:1: "},
      {std::string(2 << 20, '#'), "above 1 MiB"},
  };
  for (const auto& [text, message] : mistakes) {
    const std::string said = ErrorOf(text);
    INFO(said);
    CHECK(said.find(message) != std::string::npos);
    CHECK(said.find('\n') == std::string::npos);
  }
  const std::string cell = "[[cell]]\nscenario = \"chat\"\nstrategy = \"off\"\n";
  CHECK(ErrorOf(cell + cell).find("chat/off is there twice") != std::string::npos);
  CHECK(LoadSuite("nope").error().message.find("unknown suite 'nope'") == 0);
}

}  // namespace
}  // namespace prefixmesh::bench
