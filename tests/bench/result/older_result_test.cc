// Goal: a result of the first schema version is read as one of this version. Oracle: a file that was written then, with
// what a reader of then worked out of it by hand.
#include "bench/result/older_result.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/result/read_json.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::json;

Json Old() { return Json::parse(std::ifstream("tests/bench/result/result_v1.json")); }

TEST_CASE("Older result: what version 1 left to its readers is there, and nothing else changes") {
  const Json old = Old();
  Json result = old;
  AddNewerFigures(result);
  CHECK(result["load"]["failed_share"] == 0.0);
  CHECK(result["placements"]["applied_share"].get<double>() ==
        old["placements"]["applied"].get<double>() / old["placements"]["pairs"].get<double>());
  CHECK(result["routing"]["decided_by_cache"].get<double>() == Approx(5611.0 / 6000));
  result["load"].erase("failed_share");
  result["placements"].erase("applied_share");
  result["routing"].erase("decided_by_cache");
  CHECK(result == old);
}

TEST_CASE("Older result: a fault says what it did to the routers together") {
  Json result = Old();
  result["join"] = Json::parse(R"({"router":"c","built_bytes":{"placements":100,"control":20},
      "decision_cpu_p99_us":{"a":{"before":50,"after":61},"b":{"before":40,"after":70},"c":{"after":99}}})");
  result["stop"] = Json::parse(R"({"router":"c","built_bytes":{"placements":null},
      "decision_cpu_p99_us":{"a":{"before":1,"during":2},"b":{"before":3,"during":null}},
      "rss_bytes":{"a":{"before":10,"max":14},"b":{"before":10,"max":30}}})");
  AddNewerFigures(result);
  CHECK(result["join"]["built_total_bytes"] == 120);
  CHECK(result["join"]["others_decision_cpu_p99_us"] == Json::parse(R"({"before":50,"after":70})"));
  CHECK(result["join"]["joiner_decision_cpu_p99_us"] == 99);
  CHECK(result["stop"]["built_total_bytes"].is_null());
  CHECK(result["stop"]["peers_decision_cpu_p99_us"] == Json::parse(R"({"before":3,"during":2})"));
  CHECK(result["stop"]["peer_growth_bytes"] == 20);
}

TEST_CASE("Older result: the first release's name for a rate is its new one") {
  Json result = Old();
  for (Json& router : result["routers"]) router["sync"].erase("built_bytes_per_s");
  AddNewerFigures(result);
  CHECK(result["routers"][0]["sync"]["built_bytes_per_s"] == result["routers"][0]["sync"]["bytes_per_s"]);
}

TEST_CASE("Older result: this version's own, and what is no result, are left alone") {
  for (Json result : {Json::parse(R"({"schema_version":2,"load":{"failed":1,"sent":2}})"), Json::parse("[1]"), Json(),
                      Json::parse(R"({"load":{"failed":1,"sent":2}})")}) {
    const Json before = result;
    AddNewerFigures(result);
    CHECK(result == before);
  }
  Json odd = Json::parse(R"({"schema_version":1,"load":3,"routing":{"decisions":7},"routers":[1,{"sync":2}],
                             "join":{"router":5},"stop":{"rss_bytes":[],"decision_cpu_p99_us":4}})");
  AddNewerFigures(odd);  // does not throw
}

TEST_CASE("Stored results: a version that there is none of is refused by its number") {
  const Result<Json> result = ReadResult("tests/bench/result/result_v9.json");
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().message.find("schema_version 9; this release reads 1 and 2") != std::string::npos);
}

}  // namespace
}  // namespace prefixmesh::bench
