// Goal: an objective says what it seems to say, or is refused before a run starts. Method: examples for every rule of
// the grammar, round trips and hostile text as properties.
#include "bench/result/slo.h"

#include <rapidcheck.h>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "bench/result/result_schema.h"
#include "tests/support/properties.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::json;

Json Sample() {
  return Json::parse(R"({
    "placements": {"lost": 0, "applied": null},
    "routing": {"cached_share_ratio": 0.97, "decisions": {"cache": 9, "min_load": 1}},
    "load": {"latency_from_intended_us": {"p99": 399000}},
    "visibility": {"ms": {"p99": 12.5}},
    "routers": [{"name": "router-a", "peak_rss_bytes": 50000000, "cpu_s": 1.5, "pss_bytes": 1,
                 "sync": {"decode_errors": {}, "built_bytes_per_s": 2048}},
                {"name": "router-b", "peak_rss_bytes": 40000000, "cpu_s": 2.5, "pss_bytes": null,
                 "sync": {"decode_errors": {"frame": 2, "digest": 1}, "built_bytes_per_s": 1024}}],
    "series": {"rps": [200, null, 201], "rss_bytes": {"router-a": [1, 2], "router-b": [3, null]}}})");
}

SloOutcome Outcome(const std::string& text) {
  const Result<SloExpression> slo = ParseSlo(text);
  INFO(text);
  REQUIRE(slo.ok());
  return slo->Evaluate(Sample());
}

std::string Refusal(const std::string& text) {
  const Result<SloExpression> slo = ParseSlo(text);
  INFO(text);
  REQUIRE_FALSE(slo.ok());
  CHECK(slo.error().code == ErrorCode::kInvalid);
  CHECK(slo.error().message.find('\n') == std::string::npos);
  return slo.error().message;
}

TEST_CASE("Slo.ComparesOneFieldWithANumber") {
  CHECK(Outcome("placements.lost == 0").ok);
  CHECK_FALSE(Outcome("placements.lost != 0").ok);
  CHECK(Outcome("routing.cached_share_ratio>=0.95").ok);
  CHECK_FALSE(Outcome("routing.cached_share_ratio > 9.7e-1").ok);
  CHECK(Outcome("  routing.cached_share_ratio\t<=  0.97  ").ok);
  CHECK(Outcome("placements.lost > -1").ok);
  CHECK(Outcome("routing.cached_share_ratio < .98").value == 0.97);
}

TEST_CASE("Slo.ConvertsUnitsToTheFieldsOwn") {
  CHECK(Outcome("load.latency_from_intended_us.p99 < 400ms").ok);
  CHECK_FALSE(Outcome("load.latency_from_intended_us.p99 < 0.399 s").ok);
  CHECK(Outcome("load.latency_from_intended_us.p99 == 399000us").ok);
  CHECK(Outcome("load.latency_from_intended_us.p99 == 399000").ok);
  CHECK(Outcome("visibility.ms.p99 == 12500 us").ok);
  CHECK(Outcome("max(routers.peak_rss_bytes) <= 48MiB").ok);
  CHECK_FALSE(Outcome("max(routers.peak_rss_bytes) <= 47 MiB").ok);
  CHECK(Outcome("max(routers.sync.built_bytes_per_s) == 2KiB").ok);
  CHECK(Outcome("max(routers.cpu_s) <= 2500ms").ok);
}

TEST_CASE("Slo.FoldsOverRoutersMapsAndSeries") {
  CHECK(Outcome("sum(routers.cpu_s) == 4").ok);
  CHECK(Outcome("mean(routers.cpu_s) == 2").ok);
  CHECK(Outcome("min(routers.peak_rss_bytes) == 40000000").ok);
  CHECK(Outcome("sum(routers.sync.decode_errors) == 3").ok);
  CHECK(Outcome("sum(routing.decisions) == 10").ok);
  CHECK(Outcome("min(series.rps) == 200").ok);
  CHECK(Outcome("max(series.rss_bytes) == 3").ok);
  CHECK(Outcome("max(series.rss_bytes.router-a) == 2").ok);
  CHECK(Outcome("max( routers.cpu_s ) == 2.5").ok);
}

TEST_CASE("Slo.WhatWasNotMeasuredIsNeverOk") {
  for (const char* text : {"placements.applied >= 0", "placements.applied != 1", "max(routers.pss_bytes) < 1GiB",
                           "load.sent > 0", "workers.count > 0", "sum(routers.sync.by_layer.repair.bytes) >= 0"}) {
    const SloOutcome outcome = Outcome(text);
    CHECK_FALSE(outcome.value.has_value());
    CHECK_FALSE(outcome.ok);
  }
  const Result<SloExpression> slo = ParseSlo("max(routers.peak_rss_bytes) > 0");
  REQUIRE(slo.ok());
  for (const char* json : {"{}", "[]", "null", "3", R"({"routers": []})", R"({"routers": {"peak_rss_bytes": "x"}})"})
    CHECK_FALSE(slo->Evaluate(Json::parse(json)).ok);
}

TEST_CASE("Slo.NamesFieldsNearAnUnknownOne") {
  CHECK(Refusal("placement.lost == 0").find("placements.lost") != std::string::npos);
  CHECK(Refusal("max(routers.peak_rss) < 1").find("routers.peak_rss_bytes") != std::string::npos);
  CHECK(Refusal("p99 < 400ms").find(".p99") != std::string::npos);
  CHECK(Refusal("cached_share_ratio > 1").find("routing.cached_share_ratio") != std::string::npos);
}

TEST_CASE("Slo.RefusesWhatItCannotMean") {
  CHECK(Refusal("strategy == 0").find("not a number") != std::string::npos);
  CHECK(Refusal("placements == 0").find("not a number") != std::string::npos);
  CHECK(Refusal("routers.cpu_s < 3").find("use max, min, sum or mean") != std::string::npos);
  CHECK(Refusal("routing.decisions == 0").find("use max, min, sum or mean") != std::string::npos);
  CHECK(Refusal("avg(routers.cpu_s) < 3").find("max, min, sum and mean") != std::string::npos);
  CHECK(Refusal("placements.lost == 0ms").find("does not fit") != std::string::npos);
  CHECK(Refusal("max(routers.peak_rss_bytes) < 3s").find("does not fit") != std::string::npos);
  CHECK(Refusal("max(routers.peak_rss_bytes) < 3MB").find("unknown unit") != std::string::npos);
  CHECK(Refusal("slo.value == 0").find("unknown field") != std::string::npos);
  for (const char* text : {"", " ", "placements.lost", "placements.lost ==", "placements.lost = 0",
                           "placements.lost == nan", "placements.lost == inf", "placements.lost == 1e999",
                           "placements.lost == 0 0", "placements..lost == 0", ".lost == 0", "max(placements.lost == 0",
                           "max() == 0", "placements.lost == 0; rm", "== 0", "placements.lost == --1"})
    Refusal(text);
  CHECK(Refusal(std::string(kSloBytesMax + 1, 'a')).size() < 200);
  CHECK(Refusal("a\x1b[31m\n.b == 0").find('\x1b') == std::string::npos);
}

TEST_CASE("Slo.EveryNumericFieldCanBeNamed") {
  const std::vector<std::string>& fields = NumericFields();
  CHECK(fields.size() > 140);
  for (std::string field : fields) {
    for (std::size_t at; (at = field.find('*')) != std::string::npos;) field.replace(at, 1, "x");
    INFO(field);
    CHECK((ParseSlo(field + " >= 0").ok() || ParseSlo("max(" + field + ") >= 0").ok()));
  }
}

TEST_CASE("Slo.PrintedFormParsesToTheSame") {
  prefixmesh::test::ForAll("round trip", [] {
    std::string field = *rc::gen::elementOf(NumericFields());
    for (std::size_t at; (at = field.find('*')) != std::string::npos;) field.replace(at, 1, "router-a");
    const std::string fold = *rc::gen::element<std::string>("max", "min", "sum", "mean");
    const std::string comparison = *rc::gen::element<std::string>("==", "!=", "<=", "<", ">=", ">");
    const double threshold = *rc::gen::arbitrary<double>();
    const std::string unit = *rc::gen::element<std::string>("", "B", "KiB", "MiB", "GiB", "us", "ms", "s");
    char number[64];
    std::snprintf(number, sizeof number, "%.17g", threshold);
    const Result<SloExpression> slo = ParseSlo(fold + "(" + field + ")" + comparison + number + unit);
    if (!slo.ok()) return;  // the unit does not fit, or the number left the range
    const Result<SloExpression> again = ParseSlo(slo->ToString());
    RC_ASSERT(again.ok());
    RC_ASSERT(*again == *slo);
  });
}

TEST_CASE("Slo.HostileTextIsRefusedInOneLine") {
  prefixmesh::test::ForAll("hostile text", [] {
    const auto piece = rc::gen::oneOf(rc::gen::arbitrary<std::string>(),
                                      rc::gen::element<std::string>("placements.lost", "max(", "routers.", "cpu_s", ")",
                                                                    "==", "<", "1e3", "MiB", ".", " "));
    std::string text;
    for (const std::string& part : *rc::gen::container<std::vector<std::string>>(piece)) text += part;
    const Result<SloExpression> slo = ParseSlo(text);
    if (slo.ok()) {
      RC_ASSERT(ParseSlo(slo->ToString()).ok());
      slo->Evaluate(Sample());
    } else {
      RC_ASSERT(slo.error().message.find('\n') == std::string::npos);
      RC_ASSERT(slo.error().message.size() < 600u);
    }
  });
}

}  // namespace
}  // namespace prefixmesh::bench
