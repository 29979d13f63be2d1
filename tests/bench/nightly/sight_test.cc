// What the second gate can see: the estimate against verdicts of nights that are really drawn.
#include "bench/nightly/sight.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "bench/store/index.h"
#include "impl/base/prng.h"
#include "tests/support/temp_dir.h"

namespace prefixmesh::bench {
namespace {

std::vector<double> Noise(std::size_t pairs, double sigma) {
  Prng prng(5);
  std::vector<double> noise;
  for (std::size_t i = 0; i < pairs; ++i) noise.push_back(sigma * prng.Normal());
  return noise;
}

TEST_CASE("a change far above the noise is always called, one far below never, none rarely") {
  const std::vector<double> noise = Noise(60, 0.02);
  const SightOptions options{.threshold_percent = 3, .trials = 100};
  CHECK(CallRate(noise, 0.15, options) == 1);
  CHECK(CallRate(noise, 0.001, options) <= 0.02);
  CHECK(CallRate(noise, 0, options) <= 0.02);
  CHECK(CallRate(noise, -0.15, options) == 0);  // better is not worse
  CHECK(CallRate(Noise(60, 0.5), 0.15, options) < 0.5);
}

TEST_CASE("the estimate from sixty pairs is the rate at which nights of that noise are called") {
  const SightOptions options{.threshold_percent = 3, .trials = 200};
  const double estimated = CallRate(Noise(60, 0.03), 0.05, options);
  // The same noise itself instead of sixty pairs of it.
  const double drawn = CallRate(Noise(20000, 0.03), 0.05, options);
  CHECK(estimated == Approx(drawn).margin(0.12));
  CHECK(estimated > 0.2);
  CHECK(estimated < 0.98);
}

TEST_CASE("pairs of two builds give their noise around the change, pairs of one build as they are") {
  std::vector<PairLine> lines;
  const std::vector<double> noise = Noise(30, 0.01);
  for (std::size_t i = 0; i < noise.size(); ++i)
    lines.push_back({i < 15 ? "n1" : "n2", "chat/off", "m", false, {{"peak RSS", noise[i] + (i < 15 ? 0.5 : -0.3)}}});
  const std::vector<ab::ReadableMetric> metrics =
      *ab::ReadableMetrics({{"peak RSS", "max(routers.peak_rss_bytes)", true, 3}});
  const std::vector<Sight> sights = SightsOf(lines, "chat/off", "m", metrics, 9);
  REQUIRE(sights.size() == 1);
  CHECK(sights[0].pairs == 30);
  REQUIRE(sights[0].smallest_seen_percent.has_value());
  CHECK(*sights[0].smallest_seen_percent <= 7);
  CHECK(*sights[0].false_calls <= 0.02);
  for (PairLine& line : lines) line.same_build = true;
  const std::vector<Sight> wide = SightsOf(lines, "chat/off", "m", metrics, 9);
  CHECK(wide[0].smallest_seen_percent.value_or(1000) > 30);
  CHECK(SightsOf(lines, "chat/off", "another machine", metrics, 9)[0].pairs == 0);
  CHECK(SightsOf({lines.begin(), lines.begin() + 19}, "chat/off", "m", metrics, 9)[0].false_calls == std::nullopt);
}

TEST_CASE("pairs are read as they were stored; what is none is refused by its line") {
  const test::TempDir dir;
  const std::string file = dir / "pairs.jsonl";
  const PairLine line{"n", "chat/off", "m", true, {{"peak RSS", -0.25}, {"latency p99", 0.5}}};
  REQUIRE(AppendLine(file, ToJsonLine(line)).ok());
  const Result<std::vector<PairLine>> read = ReadPairLines(file);
  REQUIRE(read.ok());
  REQUIRE(read->size() == 1);
  CHECK((*read)[0].log_ratios == line.log_ratios);
  CHECK((*read)[0].same_build);
  for (const char* wrong : {"{}", "[]", "x", "{\"night\":\"n\",\"cell\":\"c\",\"log_ratios\":{\"a\":\"b\"}}"})
    CHECK(!ParsePairLine(wrong).ok());
  REQUIRE(AppendLine(file, "{}").ok());
  CHECK(ReadPairLines(file).error().message.find("pairs.jsonl:2: ") != std::string::npos);
  CHECK(!AppendLine(file, std::string(kAppendedBytesMax + 1, 'x')).ok());
  CHECK(!AppendLine(file, "two\nlines").ok());
}

}  // namespace
}  // namespace prefixmesh::bench
