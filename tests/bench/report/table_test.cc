// Goal: the terminal's table fits 80 columns, states units and ends in the verdict, whatever a result says.
#include "bench/report/table.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "bench/text/safe_text.h"
#include "tests/bench/report/fixture.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::json;

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST_CASE("Table.FitsEightyColumnsForAnyNumberOfRuns") {
  std::vector<Json> results;
  for (const char* name : {"off", "raw_ops", "two_layer", "failed", "off", "raw_ops", "two_layer", "failed", "off"}) {
    results.push_back(Fixture(name));
    const std::string table = RenderTable(results);
    for (const std::string& line : Lines(table)) {
      INFO(line);
      CHECK(Columns(line) <= 80);
    }
    CHECK(table.find('\x1b') == std::string::npos);
    CHECK(table.back() == '\n');
  }
}

TEST_CASE("Table.ShowsACutOrAJoinOnlyWhereThereWasOne") {
  Json cut = Fixture("two_layer");
  CHECK(RenderTable({cut}).find("Cut and healed") == std::string::npos);
  cut["partition"] = {{"complete_after_ms", 38.1}, {"built_total_bytes", 1024}};
  const std::string table = RenderTable({Fixture("two_layer"), cut});
  CHECK(table.find("Cut and healed") != std::string::npos);
  CHECK(table.find("A router that joined") == std::string::npos);
  for (const std::string& line : Lines(table)) {
    CHECK(Columns(line) <= 80);
    if (line.find("complete after") != std::string::npos) CHECK(line.find("-          38.1 ms") != std::string::npos);
    if (line.find("built until then") != std::string::npos) CHECK(line.find("1.00 KiB") != std::string::npos);
  }
  Json join = Fixture("two_layer");
  join["join"] = {{"router", "router-c"},
                  {"others_decision_cpu_p99_us", {{"before", 44}, {"after", 45}}},
                  {"joiner_decision_cpu_p99_us", 99}};
  for (const std::string& line : Lines(RenderTable({join}))) {
    if (line.find("CPU p99 before, others") != std::string::npos) CHECK(line.find("44.0") != std::string::npos);
    if (line.find("CPU p99 after, others") != std::string::npos) CHECK(line.find("45.0") != std::string::npos);
    if (line.find("CPU p99 after, the joiner") != std::string::npos) CHECK(line.find("99.0") != std::string::npos);
  }
}

TEST_CASE("Table.EndsWithTheVerdict") {
  CHECK(Lines(RenderTable({Fixture("two_layer")})).back() == "verdict: ok");
  const auto lines = Lines(RenderTable({Fixture("two_layer"), Fixture("raw_ops")}));
  CHECK(lines[lines.size() - 2] == "verdict: ok (two-layer)");
  CHECK(lines.back() == "verdict: SLO missed (raw-ops)");
}

TEST_CASE("Table.StatesUnitsAndAlignsThem") {
  const auto lines = Lines(RenderTable({Fixture("off"), Fixture("raw_ops"), Fixture("two_layer")}));
  std::size_t width = 0;
  for (const std::string& line : lines) {
    if (line.find("peak RSS") == std::string::npos) continue;
    CHECK(line.find("1.22 GiB") != std::string::npos);
    width = Columns(line);
  }
  for (const std::string& line : lines) {
    if (line.find("decision p50") != std::string::npos) CHECK(Columns(line) == width);
  }
}

TEST_CASE("Table.NamesMissedObjectivesAndNotes") {
  const std::string table = RenderTable({Fixture("raw_ops")});
  CHECK(table.find("objective missed: memory, max(routers.peak_rss_bytes) <= 256MiB: it is") != std::string::npos);
  CHECK(table.find("1.22 GiB\n") != std::string::npos);
  CHECK(table.find("542 messages were refused") != std::string::npos);
  Json unmeasured = Fixture("raw_ops");
  unmeasured["notes"].push_back("null, because there were no pairs: placements.applied_share");
  const std::string with_nulls = RenderTable({unmeasured, unmeasured});
  CHECK(with_nulls.find("null, because") == std::string::npos);
  CHECK(with_nulls.find("-: not measured") == with_nulls.rfind("-: not measured"));
  CHECK(with_nulls.find("-: not measured") != std::string::npos);
}

TEST_CASE("Table.SaysOfNoRunWithoutSyncWhatSyncBrought") {
  const std::string table = RenderTable({Fixture("off"), Fixture("two_layer")});
  const std::size_t row = table.find("gained by sync");
  REQUIRE(row != std::string::npos);
  std::istringstream words(table.substr(row, table.find('\n', row) - row));
  std::string gained, by, sync, off;
  words >> gained >> by >> sync >> off;
  CHECK(off == "-");
}

TEST_CASE("Table.BlamesNoGeneratorForARunThatEnded") {
  const std::string table = RenderTable({Fixture("failed")});
  CHECK(table.find("  generator: the generator did not finish\n") != std::string::npos);
  CHECK(table.find("untrusted") == std::string::npos);
}

TEST_CASE("Table.SaysOfHowFewSamplesAPercentileIs") {
  Json few = Fixture("two_layer");
  CHECK(RenderTable({few}).find("few samples: visibility p99 is of 58 samples; it takes 100") != std::string::npos);
  few["load"]["ok"] = 2;
  CHECK(RenderTable({few}).find("few samples: latency p99 is of 2 samples; it takes 100") != std::string::npos);
  few["visibility"]["pairs"] = 100;
  CHECK(RenderTable({few}).find("visibility p99 is of") == std::string::npos);
}

TEST_CASE("Table.NamesNoTwoColumnsAlike") {
  Json one = Fixture("two_layer"), other = one;
  one["strategy"] = other["strategy"] = "tenant-deltas/draft";
  one["scenario"]["name"] = "generations/S7";
  const auto lines = Lines(RenderTable({one, one, other, other}));
  INFO(lines[2] << "\n" << lines[3]);
  CHECK(lines[2].ends_with("       draft       draft       draft       draft"));
  CHECK(lines[3].ends_with("          S7      S7 (2)   reference refer.. (2)"));
  CHECK(lines[3].find('?') == std::string::npos);
}

TEST_CASE("MarkdownTable.HasARowPerRun") {
  const auto lines =
      Lines(RenderMarkdownTable({Fixture("off"), Fixture("raw_ops"), Fixture("two_layer"), Fixture("failed")}));
  REQUIRE(lines.size() == 6);
  CHECK(lines[4].find("| 48.8 MiB | 229 KiB/s | 218 KiB/s | 99.85 % | 0 | 78.98 % | 0.997 | 0.146 |") !=
        std::string::npos);
  CHECK(lines[5].find("(failed) | –") != std::string::npos);
  CHECK(lines[5].find("\\<script") != std::string::npos);
}

TEST_CASE("Table.OfNothingIsEmpty") { CHECK(RenderTable({}).empty()); }

}  // namespace
}  // namespace prefixmesh::bench
