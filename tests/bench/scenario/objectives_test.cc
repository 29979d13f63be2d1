// Goal: every run of a strategy that tells something has objectives about what arrives, whatever its scenario says.
#include "bench/scenario/objectives.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "bench/result/slo.h"

namespace prefixmesh::bench {
namespace {

std::size_t Added(std::string_view strategy, load::Settings settings) {
  const std::size_t before = settings.slo.size();
  AddSyncObjectives(strategy, settings);
  for (const load::Slo& slo : settings.slo) REQUIRE(ParseSlo(slo.expression).ok());
  return settings.slo.size() - before;
}

TEST_CASE("Objectives: every scenario has some about failures and, unless nothing is told, about what arrives") {
  for (const load::ScenarioInfo& scenario : load::ListScenarios()) {
    INFO(scenario.name);
    load::Settings settings = *load::LoadScenario(scenario.name);
    AddSyncObjectives("raw-ops", settings);
    CHECK(std::any_of(settings.slo.begin(), settings.slo.end(),
                      [](const load::Slo& slo) { return slo.expression == "load.failed_share <= 0.01"; }));
    CHECK(settings.slo.size() >= 3);
    CHECK(Added("off", *load::LoadScenario(scenario.name)) == 0);
  }
}

TEST_CASE("Objectives: none where nothing is placed or told, and none beside a scenario's own") {
  load::Settings settings = *load::LoadScenario("reference");
  CHECK(Added("two-layer", settings) == 3);
  settings.prompt.chars = 255;
  CHECK(Added("two-layer", settings) == 0);
  settings.prompt.chars = 256;
  CHECK(Added("two-layer", settings) == 3);
  settings.routers.count = 1;
  CHECK(Added("two-layer", settings) == 0);
  settings.routers.count = 2;
  settings.slo = {{"failures", "load.failed_share == 0"}};
  CHECK(Added("two-layer", settings) == 3);
  settings.slo.push_back({"mine", "max(routers.peak_rss_bytes) <= 56MiB"});
  CHECK(Added("two-layer", settings) == 0);
}

}  // namespace
}  // namespace prefixmesh::bench
