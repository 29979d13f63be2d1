// A run's line: what it keeps of a result, and what it refuses.
#include "bench/store/run_line.h"

#include <nlohmann/json.hpp>

#include "loadgen/settings/settings.h"
#include "tests/bench/report/fixture.h"

namespace prefixmesh::bench {
namespace {

constexpr std::size_t kPeakRss = HistoryIndex("routers", "peak_rss_bytes");
constexpr std::size_t kBatch = HistoryIndex("routers", "sync.oversize.*", "batch");

TEST_CASE("a line has the figures of its result, folded over the routers as their rows say") {
  const nlohmann::json result = Fixture("raw_ops");
  const Result<RunLine> line = RunLineOf(result);
  REQUIRE(line.ok());
  double largest = 0, sum = 0;
  for (const nlohmann::json& router : result["routers"]) {
    largest = std::max(largest, router["peak_rss_bytes"].get<double>());
    sum += router["sync"]["oversize"]["batch"].get<double>();
  }
  CHECK(line->figures[kPeakRss] == largest);
  CHECK(line->figures[kBatch] == sum);
  CHECK(line->run_id == result["run_id"]);
  CHECK(line->started_unix_s == 1767225600);
  CHECK(line->why == "missed: memory");
  CHECK(line->comparable());
}

TEST_CASE("a line reads back as it was written, figures that were not measured missing") {
  for (const char* name : {"off", "raw_ops", "two_layer", "failed"}) {
    const Result<RunLine> line = RunLineOf(Fixture(name));
    REQUIRE(line.ok());
    const std::string text = ToJsonLine(*line);
    const Result<RunLine> again = ParseRunLine(text);
    REQUIRE(again.ok());
    CHECK(ToJsonLine(*again) == text);
    CHECK(again->figures == line->figures);
  }
  const Result<RunLine> off = RunLineOf(Fixture("off"));
  CHECK(off->figures[HistoryIndex("routers", "sync.bytes_per_applied_placement")] == std::nullopt);
  CHECK(nlohmann::json::parse(ToJsonLine(*off))["figures"].count("routers.sync.bytes_per_applied_placement") == 0);
}

TEST_CASE("the widest line fits its bound: the reason is cut to what is left") {
  nlohmann::json result = Fixture("failed");
  const std::string wide(3000, 'w');
  for (const char* key : {"strategy", "plan_fingerprint"}) result[key] = wide;
  result["scenario"]["name"] = wide;
  result["build"]["commit"] = std::string(40, 'c');
  result["notes"] = {wide};
  result["trust"]["reasons"] = nlohmann::json::array();
  for (const HistoryFigure& figure : kHistoryFigures) {
    nlohmann::json* groups = &result[std::string(figure.group->name)];
    std::vector<nlohmann::json*> places;
    if (figure.group->each)
      for (nlohmann::json& each : *groups) places.push_back(&each);
    else
      places.push_back(groups);
    for (nlohmann::json* place : places) {
      std::string pointer = "/" + WithLabel(figure.figure->path, figure.label);
      std::replace(pointer.begin(), pointer.end(), '.', '/');
      (*place)[nlohmann::json::json_pointer(pointer)] = 1.2345678e-101;
    }
  }
  const Result<RunLine> line = RunLineOf(result);
  REQUIRE(line.ok());
  for (const auto& value : line->figures) CHECK(value.has_value());
  CHECK(!line->why.empty());
  RunLine of_a_night = *line;
  of_a_night.night = "20261129T170000Z";
  const std::string text = ToJsonLine(of_a_night);
  CHECK(text.size() <= kRunLineBytesMax);
  CHECK(ParseRunLine(text).ok());
}

TEST_CASE("bytes stay exact, other measured figures keep seven digits") {
  nlohmann::json result = Fixture("two_layer");
  result["routers"][0]["peak_rss_bytes"] = 123456789012ull;
  result["routing"]["cached_share"] = 0.12345678901;
  const Result<RunLine> line = RunLineOf(result);
  REQUIRE(line.ok());
  CHECK(line->figures[kPeakRss] == 123456789012.0);
  CHECK(line->figures[HistoryIndex("routing", "cached_share")] == 0.1234568);
}

TEST_CASE("what is no run's line is refused in one line") {
  const std::string good = ToJsonLine(*RunLineOf(Fixture("off")));
  REQUIRE(ParseRunLine(good).ok());
  const auto with = [&](const char* key, nlohmann::json value) {
    nlohmann::json json = nlohmann::json::parse(good);
    json[key] = std::move(value);
    return json.dump();
  };
  const std::string deep(100, '[');
  const std::string inputs[] = {"",
                                "{}",
                                "[]",
                                deep,
                                good + good,
                                std::string(kRunLineBytesMax + 1, ' '),
                                with("run_id", "../../etc"),
                                with("run_id", ".hidden"),
                                with("run_id", 7),
                                with("started_at", "2026-13-01T00:00:00Z"),
                                with("started_at", "2026-01-01T25:00:00Z"),
                                with("started_at", "yesterday"),
                                with("seed", -1),
                                with("dirty", "no"),
                                with("figures", 3),
                                with("figures", {{"load.sent", "many"}}),
                                with("figures", {{"load.sent", 1e300}}),
                                with("figures", {{"load.sent", -1e300}})};
  for (const std::string& input : inputs) {
    const Result<RunLine> line = ParseRunLine(input);
    CHECK(!line.ok());
    if (!line.ok()) CHECK(line.error().message.find('\n') == std::string::npos);
  }
}

TEST_CASE("texts of a line that somebody edited are cleaned, too") {
  nlohmann::json line = nlohmann::json::parse(ToJsonLine(*RunLineOf(Fixture("off"))));
  line["scenario"] = "x\x1b[2J\ny";
  line["commit"] = std::string(3000, 'c');
  const Result<RunLine> read = ParseRunLine(line.dump());
  REQUIRE_FALSE(read.ok());  // longer than a line is
  line["commit"] = std::string(100, 'c');
  const Result<RunLine> cleaned = ParseRunLine(line.dump());
  REQUIRE(cleaned.ok());
  for (const char c : cleaned->scenario) CHECK((c >= ' ' && c < 0x7f));
  CHECK(cleaned->commit.size() <= 43);
}

TEST_CASE("a result of another tool has no line") {
  CHECK(!RunLineOf(nlohmann::json{{"schema_version", 2}}).ok());
  nlohmann::json result = Fixture("off");
  result["run_id"] = "a/b";
  CHECK(!RunLineOf(result).ok());
}

TEST_CASE("a line says what was set otherwise than the scenario has it") {
  nlohmann::json result = Fixture("two_layer");
  const load::Settings today = *load::LoadScenario("templates");
  result["scenario"] = {{"name", "templates"}, {"settings", nlohmann::json::parse(load::SettingsValuesJson(today))}};
  const auto said = [&] { return RunLineOf(result)->settings; };
  CHECK(said() == "none");
  result["scenario"]["settings"]["routers.count"] = 8;
  CHECK(said() == "routers.count=8");
  result["scenario"]["settings"].erase("workers.count");  // another release has other settings
  result["scenario"]["settings"]["workers.colour"] = "red";
  CHECK(said() == "routers.count=8");
  result["scenario"]["settings"]["load.rps"] = 17;
  result["scenario"]["settings"]["phases.load_s"] = 12345.5;
  const std::string hashed = said();
  CHECK(hashed.starts_with("set-"));
  result["scenario"]["settings"]["load.rps"] = 18;
  CHECK(said() != hashed);
  result["scenario"]["name"] = "/etc/passwd";
  CHECK(said().empty());
}

TEST_CASE("runs that say how they were set, and not the same, are told apart; others are not") {
  RunLine a, b;
  CHECK(!SetOtherwise(a, b));
  a.settings = "none";
  CHECK(!SetOtherwise(a, b));  // of an older release
  b.settings = "routers.count=8";
  CHECK(SetOtherwise(a, b));
}

}  // namespace
}  // namespace prefixmesh::bench
