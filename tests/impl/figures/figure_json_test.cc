// Goal: readings that pass through JSON come out as they went in, reasons included; strange JSON gives nothing.
// Oracle: the readings themselves.
#include "impl/figures/figure_json.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace prefixmesh {
namespace {

constexpr Label kOpen{"peer", {}};
constexpr Figure kFigures[] = {
    {.path = "sent", .meaning = "x"},
    {.path = "share", .unit = Unit::kShare, .nature = Nature::kMeasured, .meaning = "x", .null_when = "nothing came"},
    {.path = "delay_us.*",
     .unit = Unit::kMicroseconds,
     .nature = Nature::kMeasured,
     .meaning = "x",
     .null_when = "it never slept",
     .label = kShortSpectrum},
    {.path = "from.*.bytes", .unit = Unit::kBytes, .meaning = "x", .label = kOpen},
    {.path = "from.*.messages", .meaning = "x", .label = kOpen},
    {.path = "errors.*", .meaning = "x", .label = kOpen},
    {.path = "now", .meaning = "x", .in_result = false},
};
static_assert(!Problem(kFigures));
constexpr FigureGroup kGroup{.name = "part", .meaning = "x", .figures = kFigures};

Readings Some() {
  Readings readings;
  readings.Set(kFigures[0], std::uint64_t{7});
  readings.SetNotMeasured(kFigures[1], "the cable was out");
  readings.Set(kFigures[2], "p50", 1.5);
  readings.Set(kFigures[3], "a.b", std::uint64_t{9});
  readings.Set(kFigures[4], "a.b", std::uint64_t{2});
  readings.Set(kFigures[6], std::uint64_t{1});
  return readings;
}

TEST_CASE("Figures as JSON: each stands at its path, null where there is no number") {
  REQUIRE(FiguresJson(kGroup, Some()) == nlohmann::ordered_json::parse(R"({"sent":7,"share":null,
      "delay_us":{"p50":1.5,"p99":null,"max":null},"from":{"a.b":{"bytes":9,"messages":2}},"errors":{}})"));
}

TEST_CASE("Figures as JSON: they come back as they were, with why they are null") {
  const Readings readings = Some();
  Reasons reasons;
  AddReasons(kGroup, readings, reasons);
  REQUIRE(reasons == Reasons{{"part.share", "the cable was out"},
                             {"part.delay_us.p99", "it never slept"},
                             {"part.delay_us.max", "it never slept"}});
  const Readings back = ReadFigures(kGroup, nlohmann::json(FiguresJson(kGroup, readings)), reasons);
  REQUIRE(back.Count(kFigures[0]) == 7);
  REQUIRE(*back.Find(kFigures[1])->reason() == "the cable was out");
  REQUIRE(back.Number(kFigures[2], "p50") == 1.5);
  REQUIRE(*back.Find(kFigures[2], "max")->reason() == "it never slept");
  REQUIRE(back.Count(kFigures[3], "a.b") == 9);
  REQUIRE(back.Count(kFigures[4], "a.b") == 2);
  REQUIRE(back.Find(kFigures[6]) == nullptr);
}

TEST_CASE("Figures as JSON: what is not of the table, or not of its kind, is not taken") {
  for (const char* text : {"null", "3", "[]", R"({"sent":-1,"share":"x","delay_us":[],"from":{"a":5},"errors":7})",
                           R"({"sent":1.5,"other":1,"from":[{"bytes":1}]})"}) {
    INFO(text);
    REQUIRE(ReadFigures(kGroup, nlohmann::json::parse(text), {}).empty());
  }
}

}  // namespace
}  // namespace prefixmesh
