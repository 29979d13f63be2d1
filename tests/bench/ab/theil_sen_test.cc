// Goal: slope and interval are SciPy's, and what no slope can be said of has none. Method: vectors that SciPy made,
// lines whose slope is known, and intervals over many made series.
#include "bench/ab/statistics/theil_sen.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "impl/base/prng.h"
#include "tests/support/properties.h"

namespace prefixmesh::bench::ab {
namespace {

TEST_CASE("TheilSen: slope and interval are those of scipy.stats.theilslopes") {
  std::ifstream file("tests/bench/ab/theil_sen_vectors.json");
  REQUIRE(file);
  const nlohmann::json vectors = nlohmann::json::parse(file);
  REQUIRE(vectors.size() == 26);
  for (const nlohmann::json& each : vectors) {
    const std::vector<double> x = each["x"], y = each["y"];
    const std::optional<Slope> slope = TheilSen(x, y);
    REQUIRE(slope.has_value());
    INFO(x.size() << " points, slope " << each["slope"]);
    CHECK(slope->slope == Approx(each["slope"].get<double>()).epsilon(1e-9).margin(1e-12));
    CHECK(slope->low == Approx(each["low"].get<double>()).epsilon(1e-9).margin(1e-12));
    CHECK(slope->high == Approx(each["high"].get<double>()).epsilon(1e-9).margin(1e-12));
  }
}

TEST_CASE("TheilSen: nothing can be said of no point, of one, or of several at one x") {
  const double x[] = {3.5, 3.5}, y[] = {10, 20};
  CHECK_FALSE(TheilSen({}, {}).has_value());
  CHECK_FALSE(TheilSen(std::span(x, 1), std::span(y, 1)).has_value());
  CHECK_FALSE(TheilSen(x, y).has_value());
}

TEST_CASE("TheilSen: a line gives its own slope, wherever it starts and however it is read") {
  test::ForAll("any line", [](std::uint32_t begin, std::uint32_t base, std::int32_t slope) {
    const std::vector<std::uint8_t> gaps = *rc::gen::nonEmpty<std::vector<std::uint8_t>>();
    std::vector<double> x, y;
    double at = begin % 100'000;
    for (const std::uint8_t gap : gaps) {
      x.push_back(at);
      at += (gap + 1) * 0.05;
    }
    x.push_back(at);
    for (const double each : x) y.push_back(base + slope * each);
    RC_ASSERT(TheilSen(x, y)->slope == Approx(slope).epsilon(1e-6).margin(1e-3));
  });
}

TEST_CASE("TheilSen: of a series longer than its bound every k-th point is taken") {
  std::vector<double> x, y;
  for (int i = 0; i < 86'400; ++i) {
    x.push_back(i);
    y.push_back(7.0 * i);
  }
  CHECK(TheilSen(x, y)->slope == Approx(7));
}

TEST_CASE("TheilSen: the interval holds the true slope in 95 of 100 series of independent noise") {
  Prng prng(11);
  int held = 0;
  for (int series = 0; series < 2000; ++series) {
    std::vector<double> x, y;
    for (int i = 0; i < 30; ++i) {
      x.push_back(i);
      y.push_back(0.5 * i + 10 * prng.Normal());
    }
    const Slope slope = *TheilSen(x, y);
    held += slope.low <= 0.5 && 0.5 <= slope.high;
  }
  CHECK(held >= 1870);  // 93.5 %: four standard errors below
  CHECK(held <= 1930);
}

}  // namespace
}  // namespace prefixmesh::bench::ab
