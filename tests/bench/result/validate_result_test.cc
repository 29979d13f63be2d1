// Goal: what contradicts itself or its schema is not kept. Method: results that hold, and in each one value that is
// wrong, which must be named.
#include "bench/result/validate_result.h"

#include <catch2/catch.hpp>

#include "tests/bench/report/fixture.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::json;

// What is said of the two-layer fixture with `value` at the JSON pointer.
std::string Said(const std::string& pointer, const Json& value, const std::string& fixture = "two_layer") {
  Json result = Fixture(fixture);
  result[Json::json_pointer(pointer)] = value;
  const Status status = ValidateResult(result);
  return status.ok() ? "" : status.error().message;
}

TEST_CASE("ValidateResult: what runs write holds") {
  for (const char* name : {"two_layer", "off", "raw_ops", "failed"}) {
    const Status status = ValidateResult(Fixture(name));
    INFO((status.ok() ? "" : status.error().message));
    CHECK(status.ok());
  }
}

TEST_CASE("ValidateResult: a value of a wrong type or range is named, and so is a field that is none or missing") {
  const struct {
    const char* pointer;
    Json value;
    const char* said;
  } rows[] = {
      {"/load/failed_share", "x", "load.failed_share is \"x\", and not of type [\"number\",\"null\"]"},
      {"/load/failed_share", 7.5, "load.failed_share is 7.5, above 1"},
      {"/routers/1/peak_rss_bytes", -5, "routers[1].peak_rss_bytes is -5, below 0"},
      {"/load/sent", 1.5, "load.sent is 1.5, and not of type"},
      {"/routers", "none", "routers is \"none\", and not of type"},
      {"/verdict", "fine", "verdict is \"fine\", and none of"},
      {"/schema_version", 1, "schema_version is 1, and not 2"},
      {"/started_at", "today", "started_at is \"today\""},
      {"/load/sentt", 5, "load.sentt is no field of a result"},
      {"/routers/0/sync/by_layer/crdt", 5, "routers[0].sync.by_layer.crdt is 5, and not of type"},
      {"/series/rps/3", "x", "series.rps[3] is \"x\""},
  };
  for (const auto& row : rows) {
    INFO(row.pointer << ": " << Said(row.pointer, row.value));
    CHECK(Said(row.pointer, row.value).find(std::string("contradicts itself or the schema: ") + row.said) == 0);
  }
  Json result = Fixture("two_layer");
  result["routers"] = Json::array();
  result["slo"] = Json::array();
  CHECK(ValidateResult(result).error().message.ends_with("routers is empty"));
  result["trust"].erase("ok");
  CHECK(ValidateResult(result).error().message.ends_with("trust.ok is missing"));
  CHECK_FALSE(ValidateResult(Json(5)).ok());
  CHECK_FALSE(ValidateResult(Json::array()).ok());
}

TEST_CASE("ValidateResult: objectives, verdict and counts agree") {
  REQUIRE(Fixture("two_layer")["verdict"] == "ok");
  CHECK(Said("/verdict", "slo_missed").ends_with("the verdict is slo_missed, and trust and objectives make it ok"));
  CHECK(Said("/verdict", "killed").find("nothing says what was killed") != std::string::npos);
  CHECK(Said("/trust/ok", false).ends_with("the verdict is ok, and trust and objectives make it untrusted"));
  CHECK(Said("/verdict", "ok", "raw_ops").ends_with("make it slo_missed"));
  CHECK(Said("/slo/0/ok", false).find("says ok false with the value") != std::string::npos);
  CHECK(Said("/slo/0/value", 12345).find("has the value 12345, and the result") != std::string::npos);
  CHECK(Said("/slo/0/expression", "nothing").find("unknown field") != std::string::npos);
  CHECK(Said("/load/failed", 1000000).find("are more than load.sent") != std::string::npos);
  CHECK(Said("/load/failed_share", 0.5).find("load.failed_share is 0.5, and") != std::string::npos);
}

}  // namespace
}  // namespace prefixmesh::bench
