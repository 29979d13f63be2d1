// The third gate: a new level is told once, in the night in which it can first be seen; too little history, or another
// machine, are answers of their own.
#include "bench/nightly/history.h"

#include <catch2/catch.hpp>

#include "bench/nightly/finding.h"
#include "bench/result/utc.h"
#include "impl/base/prng.h"

namespace prefixmesh::bench {
namespace {

constexpr std::size_t kPeakRss = HistoryIndex("routers", "peak_rss_bytes");
constexpr std::size_t kShare = HistoryIndex("routing", "cached_share");

// `nights` of three runs; peak RSS is `level(night)` with 0.5 % of noise.
template <typename Level>
std::vector<RunLine> Nights(std::size_t nights, Level level) {
  Prng prng(3);
  std::vector<RunLine> lines;
  for (std::size_t night = 0; night < nights; ++night)
    for (std::size_t run = 0; run < 3; ++run) {
      RunLine line;
      line.started_unix_s = static_cast<std::int64_t>(1800000000 + night * 86400 + run * 60);
      line.started_at = UtcText(line.started_unix_s);
      line.run_id = UtcCompactText(line.started_unix_s);
      line.night = UtcCompactText(static_cast<std::int64_t>(1800000000 + night * 86400));
      line.scenario = "reference";
      line.strategy = "two-layer";
      line.verdict = "ok";
      line.trusted = true;
      line.machine = "a machine";
      line.figures[kPeakRss] = level(night) * (1 + 0.005 * prng.Normal());
      line.figures[kShare] = 0.8;
      lines.push_back(line);
    }
  return lines;
}

std::string LastNight(const std::vector<RunLine>& lines) {
  std::string last;
  for (const RunLine& line : lines)
    if (!line.night.empty()) last = line.night;
  return last;
}

HistoryFinding Of(const std::vector<RunLine>& lines, std::size_t figure) {
  for (const HistoryFinding& each : JudgeHistory(lines, LastNight(lines)))
    if (each.figure == figure) return each;
  FAIL("no finding");
  return {};
}

TEST_CASE("all changes of level are listed, each with its first night and what it means") {
  // A spike, a regression, a night on another machine, a recovery.
  std::vector<RunLine> lines = Nights(40, [](std::size_t night) {
    return night == 5 ? 130.0 : night < 15 ? 100.0 : night < 30 ? 120.0 : 105.0;
  });
  for (RunLine& line : lines)
    if (line.started_unix_s >= 1800000000 + 20 * 86400 && line.started_unix_s < 1800000000 + 21 * 86400)
      line.machine = "another machine";
  const std::vector<LevelChange> changes = LevelChanges(lines);
  REQUIRE(changes.size() == 2);
  for (const LevelChange& each : changes) {
    CHECK(each.figure == kPeakRss);
    CHECK(each.scenario == "reference");
    CHECK(each.strategy == "two-layer");
    CHECK(each.machine == "a machine");
  }
  CHECK(changes[0].verdict == HistoryVerdict::kRegressed);
  CHECK(changes[0].since_unix_s == 1800000000 + 15 * 86400);
  CHECK(changes[0].after == Approx(120).margin(1));
  CHECK(changes[1].verdict == HistoryVerdict::kImproved);
  CHECK(changes[1].since_unix_s == 1800000000 + 30 * 86400);
  CHECK(LevelChanges(Nights(kNightsMin - 1, [](std::size_t night) { return night < 3 ? 100.0 : 200.0; })).empty());
}

TEST_CASE("a level that rises by 10 % is told in one night and in no other") {
  std::size_t told = 0;
  for (std::size_t nights = kNightsMin; nights <= 40; ++nights) {
    const HistoryFinding finding =
        Of(Nights(nights, [](std::size_t night) { return night < 20 ? 100.0 : 110.0; }), kPeakRss);
    if (finding.verdict == HistoryVerdict::kUnchanged) continue;
    ++told;
    CHECK(finding.verdict == HistoryVerdict::kRegressed);
    // With two nights of the new level it is found, one too early.
    const std::int64_t since_unix_s = 1800000000 + (nights == 22 ? 19 : 20) * 86400;
    CHECK(finding.since == UtcCompactText(since_unix_s));
    CHECK(finding.before == Approx(100).margin(1));
    CHECK(finding.after == Approx(110).margin(4));
    CHECK(nights >= 22);
    CHECK(nights <= 25);
  }
  CHECK(told == 1);
}

TEST_CASE("one that falls has improved; one of less than the floor is none") {
  const auto last = [](double after) {
    HistoryVerdict verdict = HistoryVerdict::kUnchanged;
    for (std::size_t nights = 20; nights <= 30; ++nights) {
      const HistoryFinding finding =
          Of(Nights(nights, [&](std::size_t night) { return night < 20 ? 100.0 : after; }), kPeakRss);
      if (finding.verdict != HistoryVerdict::kUnchanged) verdict = finding.verdict;
    }
    return verdict;
  };
  CHECK(last(90) == HistoryVerdict::kImproved);
  CHECK(last(101.5) == HistoryVerdict::kUnchanged);  // the floor of peak RSS is 3 %
}

TEST_CASE("fewer than eight nights say so, and so does another machine") {
  const auto flat = [](std::size_t) { return 100.0; };
  CHECK(Of(Nights(7, flat), kPeakRss).verdict == HistoryVerdict::kNotEnoughHistory);
  CHECK(Of(Nights(8, flat), kPeakRss).verdict == HistoryVerdict::kUnchanged);
  std::vector<RunLine> lines = Nights(20, flat);
  for (RunLine& line : lines)
    if (line.started_unix_s >= 1800000000 + 19 * 86400) line.machine = "another";
  CHECK(Of(lines, kPeakRss).verdict == HistoryVerdict::kMachineChanged);
}

TEST_CASE("runs that are not comparable, of other cells or of no night are left out") {
  std::vector<RunLine> lines = Nights(10, [](std::size_t) { return 100.0; });
  for (RunLine line : Nights(10, [](std::size_t) { return 900.0; })) {
    line.run_id += "-x";
    lines.push_back(line);
    lines.back().trusted = false;
    lines.push_back(line);
    lines.back().night.clear();
    lines.push_back(line);
    lines.back().strategy = "off";
    lines.back().night = "20200101T000000Z";
    lines.back().started_unix_s -= 1000 * 86400;
  }
  SortByStart(lines);
  const HistoryFinding finding = Of(lines, kPeakRss);
  CHECK(finding.nights == 10);
  CHECK(finding.verdict == HistoryVerdict::kUnchanged);
  for (const HistoryFinding& each : JudgeHistory(lines, LastNight(lines))) CHECK(each.strategy == "two-layer");
  CHECK(JudgeHistory(lines, "20310101T000000Z").empty());  // a night without runs is not told what another did
}

TEST_CASE("what is muted does not fail a night, until its day is over") {
  std::vector<Finding> findings = {
      {Gate::kRuns, "reference/two-layer", "peak RSS", FindingVerdict::kRegressed, "regressed", "", ""},
      {Gate::kHistory, "chat/off", "x", FindingVerdict::kInconclusive, "unstable", "", ""}};
  CHECK(NightExitCode(findings) == 1);
  const std::vector<Mute> mutes = {{"reference/two-layer peak RSS", "known", "2026-12-01"},
                                   {"reference/two-layer latency p99", "unneeded", "2026-12-01"},
                                   {"chat/off x", "over", "2026-11-01"}};
  const std::vector<std::string> notes = ApplyMutes(mutes, "2026-11-29", findings);
  CHECK(notes.size() == 2);
  CHECK(NightExitCode(findings) == 3);
  CHECK(NightVerdict(findings) == "inconclusive");
  ApplyMutes({{{"chat/off x", "now", "2026-11-29"}}}, "2026-11-29", findings);
  CHECK(NightExitCode(findings) == 0);
  CHECK(NightVerdict(findings) == "passed");
}

}  // namespace
}  // namespace prefixmesh::bench
