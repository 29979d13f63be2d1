// Goal: the report is one safe file whatever the results say. Method: the fixtures, damaged results, hostile text.
// What a browser makes of it is in browser_test.py.
#include "bench/report/report.h"

#include <rapidcheck.h>
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/report/sections.h"
#include "bench/text/safe_text.h"
#include "tests/bench/report/fixture.h"
#include "tests/support/properties.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::json;

std::string Rendered(const Results& results) {
  Result<std::string> report = RenderReport(results);
  REQUIRE(report.ok());
  return *report;
}

std::size_t Count(const std::string& text, std::string_view what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

TEST_CASE("Report.NeedsAResult") { CHECK(RenderReport({}).error().code == ErrorCode::kInvalid); }

TEST_CASE("Report.IsOneSmallFileWithoutOutsideAddresses") {
  std::string html = Rendered({Fixture("off"), Fixture("raw_ops"), Fixture("two_layer")});
  CHECK(html.size() < 400u << 10);
  const std::string licence = "/*! https://github.com/leeoniya/uPlot (v1.6.32) */";
  REQUIRE(Count(html, licence) == 1);
  html.erase(html.find(licence), licence.size());
  CHECK(Count(html, "http://") == 0);
  CHECK(Count(html, "https://") == 0);
  CHECK(Count(html, "src=") == 0);
  CHECK(Count(html, "@import") == 0);
  CHECK(Count(html, "url(") == 0);
  CHECK(Count(html, "default-src 'none'; script-src 'sha256-") == 1);
  CHECK(Count(html, "unsafe-") == 0);
  CHECK(Count(html, " style=") == 0);  // the policy would refuse it
}

TEST_CASE("Report.IsTheSameEveryTime") {
  const Results results = {Fixture("two_layer"), Fixture("failed")};
  CHECK(Rendered(results) == Rendered(results));
}

TEST_CASE("Report.ShowsKeyFiguresWithUnits") {
  const std::string html = Rendered({Fixture("off"), Fixture("raw_ops"), Fixture("two_layer")});
  for (const char* text :
       {"48.8 MiB", "1.22 GiB", "31.7 MiB/s", "229 KiB/s", "99.85 %", "79.21 %", "27.5 ms", "SLO missed", "✓ ok",
        "max(routers.peak_rss_bytes) &lt;= 256MiB", "00c0ffee00c0ffee", "Synthetic CPU @ 3.00GHz", "phases.warmup_s"})
    CHECK(Count(html, text) > 0);
  CHECK(Count(html, "<noscript>") == 1);
}

TEST_CASE("Report.SaysWhatWasNotMeasured") {
  const std::string html = Rendered({Fixture("failed")});
  CHECK(Count(html, "✕ failed") > 0);
  CHECK(Count(html, "router-b died with signal 9 in warmup") >= 2);
  CHECK(Count(html, "<td class=\"missing\"><span class=\"n\">–</span></td>") > 20);
  CHECK(Count(html, ">nan") + Count(html, ">inf") == 0);
}

TEST_CASE("Report.HostileNamesStayText") {
  const std::string html = Rendered({Fixture("failed")});
  CHECK(Count(html, "<script") == 2);  // the data and the program
  CHECK(Count(html, "</script") == 2);
  CHECK(Count(html, "<img") == 0);
  CHECK(Count(html, "\x1b") == 0);
}

TEST_CASE("Report.TemplateMarksInAResultAreNotFilledIn") {
  Json result = Fixture("off");
  result["strategy"] = "@SCRIPT@ @DATA@ @BODY@";
  CHECK(Count(Rendered({result}), "var uPlot=") == 1);
}

TEST_CASE("Report.WarnsWhenRunsAreNotComparable") {
  Json other = Fixture("off");
  CHECK(Count(Rendered({Fixture("off"), other}), "class=\"alert\"") == 0);
  other["plan_fingerprint"] = "different";
  other["machine"]["cores"] = 64;
  const std::string html = Rendered({Fixture("off"), other});
  CHECK(Count(html, "do not share a plan") == 1);
  CHECK(Count(html, "different machines") == 1);
}

TEST_CASE("Report.ThinsLongSeriesToStaySmall") {
  Json result = Fixture("two_layer");
  for (const char* name : {"t_s", "rps", "ok"}) {
    Json values = Json::array();
    for (int i = 0; i < 400000; ++i) values.push_back(i);
    result["series"][name] = values;
  }
  const std::string html = Rendered({result});
  CHECK(html.size() <= kReportBytesMax);
  CHECK(Count(html, "show one point in 4") == 1);
  result["notes"].push_back(std::string(4u << 20, 'x'));
  CHECK(RenderReport({result}).error().code == ErrorCode::kTooBig);
}

TEST_CASE("Report.LabelsTellRunsApart") {
  Json off = Fixture("off"), chat = off;
  CHECK(RunLabels({off, off}) == std::vector<std::string>{"off", "off (2)"});
  chat["scenario"]["name"] = "chat";
  CHECK(RunLabels({off, chat}) == std::vector<std::string>{"off · reference", "off · chat"});
  off["strategy"] = std::string(100, 'y');
  CHECK(Columns(RunLabels({off}).front()) == 24);
}

// Replaces one node, somewhere, by something else.
void Damage(Json& node, unsigned steps) {
  if (node.is_structured() && !node.empty() && steps > 0) {
    auto at = node.begin();
    std::advance(at, *rc::gen::inRange<std::ptrdiff_t>(0, static_cast<std::ptrdiff_t>(node.size())));
    return Damage(*at, steps - 1);
  }
  node = *rc::gen::elementOf(
      std::vector<Json>{nullptr, -1, 1e300, "</script>\xff", true, Json::array({1, nullptr, "x"}), Json::object()});
}

TEST_CASE("Report.RendersDamagedResults") {
  const Json good = Fixture("two_layer");
  test::ForAll("damaged results", [&] {
    Json result = good;
    const auto damages = *rc::gen::inRange(1, 20);
    for (int i = 0; i < damages; ++i) Damage(result, *rc::gen::inRange(1u, 5u));
    const Result<std::string> html = RenderReport({result, good});
    RC_ASSERT(html.ok());
    RC_ASSERT(Count(*html, "<script") == 2u);
  });
  for (const Json& not_a_result : {Json(nullptr), Json(3), Json::array({1}), Json::object(), Json("x")})
    CHECK(RenderReport(Results(1, not_a_result)).ok());
}

TEST_CASE("Report.HasALadderWhereTheResultHasOne") {
  Json older = Fixture("two_layer");
  CHECK(Count(Rendered({older}), "Why is my hit rate low?") == 1);
  older.erase("ladder");
  CHECK(Count(Rendered({older}), "Why is my hit rate low?") == 0);
}

}  // namespace
}  // namespace prefixmesh::bench
