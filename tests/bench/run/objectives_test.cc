// Goal: every run of a strategy that tells something has objectives about what arrives, whatever its scenario says.
#include "bench/run/objectives.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "bench/result/slo.h"

namespace prefixmesh::bench {
namespace {

bool About(const load::Settings& settings, const char* what) {
  return std::any_of(settings.slo.begin(), settings.slo.end(),
                     [&](const load::Slo& slo) { return slo.expression.find(what) != std::string::npos; });
}

load::Settings With(std::string_view strategy, load::Settings settings) {
  AddSyncObjectives(strategy, settings);
  for (const load::Slo& slo : settings.slo) REQUIRE(ParseSlo(slo.expression).ok());
  return settings;
}

TEST_CASE("Objectives: every scenario has some about failures and, unless nothing is told, about what arrives") {
  for (const load::ScenarioInfo& scenario : load::ListScenarios()) {
    INFO(scenario.name);
    const load::Settings settings = *load::LoadScenario(scenario.name), told = With("raw-ops", settings);
    CHECK(About(told, "load.failed_share <= 0.01"));
    if (!scenario.name.starts_with("generations/")) {  // they say what history says
      const bool asked = !settings.index.listens();
      CHECK(About(told, "placements.applied_share >= 0.99") == asked);
      CHECK(About(told, "placements.lost == 0") == asked);
      CHECK(About(told, "sync.oversize_warnings"));
    } else {
      CHECK(told.slo == settings.slo);
    }
    CHECK(About(With("two-layer", settings), "sum(routers.sync.oversize_by_phase.idle) == 0") ==
          (settings.phases.idle_s > 0));
    CHECK(With("off", settings).slo == settings.slo);
  }
}

TEST_CASE("Objectives: none where nothing is placed or told, and none beside a scenario's own") {
  const load::Settings reference = *load::LoadScenario("reference");
  const auto added = [&](auto change) {
    load::Settings settings = reference;
    change(settings);
    return About(With("two-layer", settings), "placements.lost");
  };
  CHECK(added([](load::Settings&) {}));
  CHECK_FALSE(added([](load::Settings& s) { s.prompt.chars = 255; }));
  CHECK(added([](load::Settings& s) { s.prompt.chars = 256; }));
  CHECK_FALSE(added([](load::Settings& s) { s.routers.count = 1; }));
  CHECK(added([](load::Settings& s) { s.slo = {{"failures", "load.failed_share == 0"}}; }));
  CHECK(added([](load::Settings& s) { s.slo = {{"big", "sum(routers.sync.oversize_warnings) <= 3"}}; }));
  CHECK_FALSE(added([](load::Settings& s) { s.slo.push_back({"mine", "max(routers.peak_rss_bytes) <= 56MiB"}); }));
}

TEST_CASE("Objectives: with KV events none is about placements, which nobody asks for then") {
  load::Settings settings = *load::LoadScenario("templates");
  settings.index.source = "events";
  AddSyncObjectives("two-layer", settings);
  REQUIRE(!settings.slo.empty());
  for (const load::Slo& slo : settings.slo) CHECK(slo.expression.find("placements") == std::string::npos);
}

TEST_CASE("Objectives: where a worker loses its cache what it was sent need not be applied, and yet none is lost") {
  for (const auto& [clear, restart] : {std::pair(0.5, 0.0), {0.0, 0.5}}) {
    load::Settings settings = *load::LoadScenario("templates");
    settings.clear.at = clear;
    settings.restart.at = restart;
    const load::Settings told = With("two-layer", settings);
    CHECK_FALSE(About(told, "placements.applied_share"));
    CHECK(About(told, "placements.lost == 0"));
  }
}

TEST_CASE("Objectives: what a scenario says of oversize is not said again") {
  load::Settings settings = *load::LoadScenario("reference");
  settings.slo = {{"few", "sum(routers.sync.oversize_warnings) <= 3"}};
  CHECK_FALSE(About(With("raw-ops", settings), "sum(routers.sync.oversize_warnings) == 0"));
}

}  // namespace
}  // namespace prefixmesh::bench
