// A night from its suite to its verdict, by its real runs (night_place.h) and its counters.
#include "bench/nightly/night.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <tuple>

#include "bench/nightly/counters.h"
#include "bench/nightly/night_output.h"
#include "bench/store/index.h"
#include "tests/bench/nightly/night_place.h"

namespace prefixmesh::bench {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

TEST_CASE("an unchanged build passes, and its runs are the night's history") {
  Place place;
  Builds builds;
  const Result<Night> night = place.Run(builds);
  REQUIRE(night.ok());
  CHECK(builds.made == 20);  // a warm-up and nine pairs, and nothing again
  REQUIRE(FindingOf(*night, Gate::kRuns, "peak RSS") != nullptr);
  CHECK(FindingOf(*night, Gate::kRuns, "peak RSS")->verdict == FindingVerdict::kUnchanged);
  CHECK(FindingOf(*night, Gate::kHistory, "routers.peak_rss_bytes")->word == "not-enough-history");
  CHECK(NightExitCode(night->findings) != 1);
  const Result<RunList> stored = ReadIndex(place.request.store + "/index.jsonl");
  REQUIRE(stored.ok());
  REQUIRE(stored->lines.size() == 9);
  const Result<std::vector<PairLine>> pairs = ReadPairLines(place.request.store + "/pairs.jsonl");
  REQUIRE(pairs.ok());
  CHECK(pairs->size() == 9);
  CHECK(std::abs(pairs->front().log_ratios.at("peak RSS")) < 0.03);
  CHECK(!night->sights.empty());
  CHECK(night->sights.front().pairs == 9);
  for (const RunLine& line : stored->lines) {
    CHECK(line.night == place.request.name);
    CHECK(line.commit == "2222222222");
    CHECK(fs::exists(place.request.store + "/runs/" + line.run_id + ".json"));
  }
}

TEST_CASE("a build that takes 10 % more memory fails the night, once a second comparison agrees") {
  Place place;
  Builds builds;
  builds.worse = 1.1;
  const Result<Night> night = place.Run(builds);
  REQUIRE(night.ok());
  CHECK(builds.made == 40);
  CHECK(FindingOf(*night, Gate::kRuns, "peak RSS")->verdict == FindingVerdict::kRegressed);
  CHECK(NightExitCode(night->findings) == 1);
  CHECK(NightText(place.request, *night).find("regressed  reference/two-layer peak RSS") != std::string::npos);
}

TEST_CASE("what a second comparison does not show is not called a regression") {
  Place place;
  Builds builds;
  builds.worse = 1.1;
  builds.only_first = true;
  const Result<Night> night = place.Run(builds);
  REQUIRE(night.ok());
  CHECK(FindingOf(*night, Gate::kRuns, "peak RSS")->word == "not-confirmed");
  CHECK(NightExitCode(night->findings) == 3);
}

TEST_CASE("one oversize frame more than the baseline fails the night, without any tolerance") {
  Place place;
  Builds builds;
  builds.oversize = 1;
  builds.only_first = true;  // that a second comparison has none takes nothing back
  const Result<Night> night = place.Run(builds);
  REQUIRE(night.ok());
  CHECK(FindingOf(*night, Gate::kRuns, "oversize warnings")->verdict == FindingVerdict::kRegressed);
  CHECK(NightExitCode(night->findings) == 1);
}

TEST_CASE("a night that was stopped goes on: no run is made or stored twice") {
  Place place;
  Builds builds;
  builds.failures = 1;
  CHECK(place.Run(builds).error().code == ErrorCode::kInterrupted);
  const int before = builds.made;
  const Result<Night> night = place.Run(builds);
  REQUIRE(night.ok());
  CHECK(before == 5);
  CHECK(builds.made == 20);
  CHECK(ReadIndex(place.request.store + "/index.jsonl")->lines.size() == 9);
}

TEST_CASE("a run of this build that fails is a regression, and the rest of the night is judged all the same") {
  Place place;
  Builds builds;
  builds.failures = 1;
  builds.failure = ErrorCode::kUnavailable;
  builds.failing = "/new/bin";
  const Result<Night> night = place.Run(builds);
  REQUIRE(night.ok());
  CHECK(builds.made == 20);  // the failed one again, and no second look at what cannot be taken back
  REQUIRE(FindingOf(*night, Gate::kRuns, "this build") != nullptr);
  CHECK(FindingOf(*night, Gate::kRuns, "this build")->verdict == FindingVerdict::kRegressed);
  CHECK(FindingOf(*night, Gate::kRuns, "this build")->text.find("a run did not work") != std::string::npos);
  CHECK(FindingOf(*night, Gate::kRuns, "peak RSS")->verdict == FindingVerdict::kUnchanged);
  CHECK(NightExitCode(night->findings) == 1);
}

TEST_CASE("a build whose runs fail again and again ends its cell, not the night") {
  for (const auto& [failing, failure, verdict, word] :
       {std::tuple{"/new/bin", ErrorCode::kUnavailable, FindingVerdict::kRegressed, "broke"},
        std::tuple{"/old/bin", ErrorCode::kUnavailable, FindingVerdict::kInconclusive, "broke"},
        std::tuple{"/new/bin", ErrorCode::kTimeout, FindingVerdict::kRegressed, "broke"}}) {
    INFO(failing << " " << ErrorCodeName(failure));
    Place place;
    place.request.suite = *ParseSuite(
        "[[cell]]\nscenario = \"reference\"\nstrategy = \"two-layer\"\npairs = 9\n"
        "[[cell]]\nscenario = \"templates\"\nstrategy = \"two-layer\"\npairs = 9\n",
        "mine");
    Builds builds;
    builds.failures = 2;  // then the second cell works
    builds.failure = failure;
    builds.failing = failing;
    const Result<Night> night = place.Run(builds);
    REQUIRE(night.ok());
    std::size_t broke = 0, judged = 0;
    for (const Finding& each : night->findings) {
      if (each.where == "templates/two-layer" && each.figure == "peak RSS") ++judged;
      if (each.word != word) continue;
      ++broke;
      CHECK(each.where == "reference/two-layer");
      CHECK(each.verdict == verdict);
    }
    CHECK(broke == 1);
    CHECK(judged == 1);
    CHECK(NightExitCode(night->findings) == (verdict == FindingVerdict::kRegressed ? 1 : 3));
  }
}

TEST_CASE("a run that fails in the second comparison alone is a regression all the same") {
  Place place;
  Builds builds;
  builds.worse = 1.1;  // so that there is a second one
  builds.failures = 1;
  builds.fails_from = 25;
  builds.failure = ErrorCode::kUnavailable;
  builds.failing = "/new/bin";
  const Result<Night> night = place.Run(builds);
  REQUIRE(night.ok());
  REQUIRE(FindingOf(*night, Gate::kRuns, "this build") != nullptr);
  CHECK(FindingOf(*night, Gate::kRuns, "this build")->verdict == FindingVerdict::kRegressed);
  CHECK(FindingOf(*night, Gate::kRuns, "peak RSS")->verdict == FindingVerdict::kRegressed);
}

TEST_CASE("a regression that could not be looked at again stays one") {
  Place place;
  Builds builds;
  builds.worse = 1.1;
  builds.failures = 2;  // of the baseline, in the second comparison
  builds.fails_from = 25;
  builds.failure = ErrorCode::kUnavailable;
  builds.failing = "/old/bin";
  const Result<Night> night = place.Run(builds);
  REQUIRE(night.ok());
  CHECK(FindingOf(*night, Gate::kRuns, "peak RSS")->verdict == FindingVerdict::kRegressed);
  CHECK(FindingOf(*night, Gate::kRuns, "peak RSS")->text.find("could not be looked at again") != std::string::npos);
  REQUIRE(FindingOf(*night, Gate::kRuns, "the baseline") != nullptr);
  CHECK(FindingOf(*night, Gate::kRuns, "the baseline")->verdict == FindingVerdict::kInconclusive);
}

TEST_CASE("what this machine cannot run is no regression of the build") {
  Place place;
  Builds builds;
  builds.failures = 1;
  builds.failure = ErrorCode::kInvalid;
  builds.failing = "/new/bin";
  builds.made = 5;  // the warm-up's own run is refused
  const Result<Night> night = place.Run(builds);
  REQUIRE(night.ok());
  REQUIRE(FindingOf(*night, Gate::kRuns, "this build") != nullptr);
  CHECK(FindingOf(*night, Gate::kRuns, "this build")->word == "refused");
  CHECK(NightExitCode(night->findings) == 3);
}

TEST_CASE("without a baseline build, and without golden counters, a night says what it could not say") {
  Place place;
  place.request.suite = *ParseSuite(
      "[[counter]]\nstrategy = \"raw-ops\"\noptions = \"rate=5\"\nseconds = 10\n"
      "[[cell]]\nscenario = \"reference\"\nstrategy = \"two-layer\"\n",
      "mine");
  place.request.baseline = {};
  place.request.no_baseline = "no --baseline-build";
  Builds builds;
  const Result<Night> night = place.Run(builds);
  REQUIRE(night.ok());
  CHECK(builds.made == 0);
  CHECK(FindingOf(*night, Gate::kRuns, "all")->word == "no-baseline");
  CHECK(FindingOf(*night, Gate::kCounters, "golden")->word == "no-golden");
  CHECK(NightExitCode(night->findings) == 3);
}

TEST_CASE("a counter that changed fails the night until it is accepted") {
  Place place;
  const std::vector<CounterCell> cells = {{.strategy = "raw-ops", .options = "rate=5", .seconds = 10}};
  place.request.suite.cells.clear();
  place.request.suite.counters = cells;
  Counters golden = CountOnVirtualTime(cells, [](const std::string&) {});
  const std::string path = GoldenPath(place.request.results);
  REQUIRE(AcceptGolden(path, golden, "", "", "first").ok());
  Builds builds;
  CHECK(NightExitCode(place.Run(builds)->findings) == 0);
  ++golden["raw-ops,10s,rate=5 built_bytes"];
  REQUIRE(AcceptGolden(path, golden, "", "", "wrong").ok());
  const Result<Night> night = place.Run(builds);
  REQUIRE(FindingOf(*night, Gate::kCounters, "built_bytes") != nullptr);
  CHECK(FindingOf(*night, Gate::kCounters, "built_bytes")->where == "raw-ops,10s,rate=5");
  CHECK(NightExitCode(night->findings) == 1);
}

TEST_CASE("a counter that is new has no golden figure, which is no regression") {
  Place place;
  place.request.suite.cells.clear();
  place.request.suite.counters = {{.strategy = "raw-ops", .options = "rate=5", .seconds = 10}};
  REQUIRE(AcceptGolden(GoldenPath(place.request.results), {}, "", "", "none yet").ok());
  Builds builds;
  const Result<Night> night = place.Run(builds);
  REQUIRE(FindingOf(*night, Gate::kCounters, "built_bytes") != nullptr);
  CHECK(FindingOf(*night, Gate::kCounters, "built_bytes")->word == "no-golden");
  CHECK(NightExitCode(night->findings) == 3);
}

TEST_CASE("runs that a wrong clock dated after the night are left out of its history, and that is said") {
  Place place;
  Builds builds;
  REQUIRE(place.Run(builds).ok());
  RunLine ahead = ReadIndex(place.request.store + "/index.jsonl")->lines.back();
  ahead.run_id = "20990101T000000Z-two-layer";
  ahead.started_at = "2099-01-01T00:00:00Z";
  ahead.started_unix_s = 4070908800;
  ahead.night = "20990101T000000Z";
  REQUIRE(AppendToIndex(place.request.store + "/index.jsonl", ahead).ok());
  const Result<Night> night = place.Run(builds);
  REQUIRE(night.ok());
  CHECK(FindingOf(*night, Gate::kHistory, "routers.peak_rss_bytes") != nullptr);  // of this night, not of that one
  const auto said = [](const std::string& note) { return note.find("dated after this night") != std::string::npos; };
  CHECK(std::any_of(night->notes.begin(), night->notes.end(), said));
}

TEST_CASE("a night without runs of its own is not told what another did") {
  Place place;
  Builds builds;
  REQUIRE(place.Run(builds).ok());
  place.request.suite.cells.clear();
  place.request.name = "20270115T120000Z";
  const Result<Night> night = place.Run(builds);
  REQUIRE(night.ok());
  CHECK(std::none_of(night->findings.begin(), night->findings.end(),
                     [](const Finding& each) { return each.gate == Gate::kHistory; }));
}

TEST_CASE("a night's outputs agree, and nothing that a finding says breaks them") {
  Place place;
  Night night;
  night.findings = {{Gate::kCounters, "a|b", "<x> & \"y\"", FindingVerdict::kRegressed, "changed", "1 | 2\n3", ""},
                    {Gate::kRuns, "chat/off", "peak RSS", FindingVerdict::kInconclusive, "unstable", "", "known"},
                    {Gate::kHistory, "chat/off", "z", FindingVerdict::kUnchanged, "unchanged", "", ""}};
  const Json json = Json::parse(NightJson(place.request, night).dump());
  CHECK(json["verdict"] == "regressed");
  CHECK(json["findings"].size() == 3);
  CHECK(json["findings"][1]["muted"] == "known");
  const std::string xml = NightJUnit(place.request, night);
  CHECK(xml.find("&lt;x&gt; &amp; &quot;y&quot;") != std::string::npos);
  CHECK(xml.find("<skipped message=\"known\"") != std::string::npos);
  const std::string markdown = NightMarkdown(place.request, night);
  CHECK(markdown.find("| a\\|b | <x> & \"y\" | changed | 1 \\| 2 3 |") != std::string::npos);
  CHECK(markdown.find("unstable (muted)") != std::string::npos);
}

TEST_CASE("a night's summary has one row for all figures of a place that were not judged for one reason") {
  Place place;
  Night night;
  const auto add = [&night](const char* where, const char* figure, FindingVerdict verdict, const char* word,
                            const char* muted = "") {
    night.findings.push_back({Gate::kHistory, where, figure, verdict, word, "of 3 nights", muted});
  };
  for (const char* figure : {"a", "b", "c"})
    add("chat/off", figure, FindingVerdict::kNotApplicable, "not-enough-history");
  add("chat/off", "d", FindingVerdict::kNotApplicable, "machine-changed");
  add("trace/off", "a", FindingVerdict::kNotApplicable, "not-enough-history");
  add("trace/off", "b", FindingVerdict::kNotApplicable, "not-enough-history", "known");
  add("trace/off", "c", FindingVerdict::kRegressed, "regressed");
  add("trace/off", "d", FindingVerdict::kRegressed, "regressed");
  const std::string markdown = NightMarkdown(place.request, night);
  std::vector<std::string> rows;
  std::istringstream lines(markdown);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("| chat") || line.starts_with("| trace")) rows.push_back(line);
  CHECK(rows == std::vector<std::string>{"| trace/off | c | regressed | of 3 nights |",
                                         "| trace/off | d | regressed | of 3 nights |",
                                         "| chat/off | 3 figures | not-enough-history | of 3 nights |",
                                         "| chat/off | d | machine-changed | of 3 nights |",
                                         "| trace/off | a | not-enough-history | of 3 nights |",
                                         "| trace/off | b | not-enough-history (muted) | of 3 nights; muted: known |"});
  CHECK(markdown.find("2 regressed, 5 not judged, 1 muted") != std::string::npos);
  CHECK(Json::parse(NightJson(place.request, night).dump())["findings"].size() == 8);
}

}  // namespace
}  // namespace prefixmesh::bench
