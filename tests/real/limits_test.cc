// Goal: what the settings allow, the programs take. The lowest and the highest value of every setting that becomes an
// argument of a program is given to the real ones; beyond it there is one line before anything starts (bad_input_test).
#include <catch2/catch.hpp>
#include <filesystem>
#include <set>

#include "bench/process/limits.h"
#include "bench/run/cluster.h"
#include "impl/node/router_node.h"
#include "loadgen/settings/sections.h"
#include "tests/support/temp_dir.h"

namespace prefixmesh::bench {
namespace {

// Starts workers and routers as a run does, and ends them.
void StartsWith(const load::Settings& settings, const std::string& strategy, const std::string& index_kind) {
  const test::TempDir folder;
  const char* bin = getenv("PREFIXMESH_BIN");
  REQUIRE(bin != nullptr);
  Cluster cluster({settings, strategy, index_kind, 1, folder.path(), bin});
  const Status workers = cluster.StartWorkers();
  INFO(strategy << ": " << (workers.ok() ? "" : workers.error().message));
  REQUIRE(workers.ok());
  const Status routers = cluster.StartRouters();
  INFO(strategy << ": " << (routers.ok() ? "" : routers.error().message));
  REQUIRE(routers.ok());
  REQUIRE(cluster.Stop());
}

// Every setting of these sections at one end of its range.
load::Settings AtTheEnd(bool highest) {
  load::Settings settings;
  for (const Setting& setting : SettingsOf(load::Sections())) {
    const std::string name = setting.Key();
    if (!IsNumber(*setting.row) || name == "routers.count") continue;
    for (const std::string_view section :
         {"workers.", "models.", "route.", "index.", "two_layer.", "limits.prompt_bytes"}) {
      if (name.substr(0, section.size()) != section) continue;
      char value[40];
      std::snprintf(value, sizeof value, "%.17g", highest ? setting.row->high : setting.row->low);
      const Status set = AssignSetting(&settings, setting, value);
      INFO(name << "=" << value);
      REQUIRE(set.ok());
    }
  }
  return settings;
}

TEST_CASE("Settings: their constants are the programs' own") {
  REQUIRE(load::Settings{}.limits.prompt_bytes == PortLimits{}.prompt_bytes);
  REQUIRE(load::kWorkersMax == Fleet::kWorkersMax / 2);
  REQUIRE(load::kModelsMax == prefixmesh::kModelsMax);
}

TEST_CASE("Settings: the programs take the lowest and the highest value of each") {
  RaiseFileLimit();
  StartsWith(AtTheEnd(false), "two-layer", "block");
  StartsWith(AtTheEnd(false), "raw-ops", "text");
  StartsWith(AtTheEnd(true), "two-layer", "block");
}

TEST_CASE("Settings: what is not whole is taken where a number is asked for") {
  load::Settings settings;
  for (const Setting& setting : SettingsOf(load::Sections()))
    if (TypeName(*setting.row) == "number" && setting.row->low + 0.5 < setting.row->high)
      REQUIRE(AssignSetting(&settings, setting, std::to_string(setting.row->low + 0.5)).ok());
  StartsWith(settings, "two-layer", "block");
}

TEST_CASE("Routers: more than the alphabet has letters start and find each other") {
  REQUIRE(RouterName(0) == "router-a");
  REQUIRE(RouterName(25) == "router-z");
  REQUIRE(RouterName(26) == "router-aa");
  REQUIRE(RouterName(51) == "router-az");
  REQUIRE(RouterName(52) == "router-ba");
  std::set<std::string> names;
  for (std::size_t i = 0; i < load::kRoutersMax; ++i) names.insert(RouterName(i));
  REQUIRE(names.size() == load::kRoutersMax);
  load::Settings settings;
  settings.routers.count = 28;
  settings.workers.count = 2;
  StartsWith(settings, "two-layer", "block");
}

}  // namespace
}  // namespace prefixmesh::bench
