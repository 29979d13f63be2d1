// Change points: the parts against the definition and SciPy, the whole on series whose changes are known.
#include "bench/nightly/change_points.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "impl/base/prng.h"

namespace prefixmesh::bench {
namespace {

std::vector<std::size_t> IndexesOf(const std::vector<ChangePoint>& points) {
  std::vector<std::size_t> indexes;
  for (const ChangePoint& point : points) indexes.push_back(point.index);
  return indexes;
}

double Gauss(Prng& prng) {
  const double u = (static_cast<double>(prng.Next() >> 11) + 0.5) * 0x1p-53;
  const double v = static_cast<double>(prng.Next() >> 11) * 0x1p-53;
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * 3.14159265358979 * v);
}

TEST_CASE("the best split and its p-value are those of the definition and of SciPy") {
  std::ifstream file("tests/bench/nightly/change_point_vectors.json");
  REQUIRE(file);
  const nlohmann::json vectors = nlohmann::json::parse(file);
  REQUIRE(vectors.size() == 18);
  for (const nlohmann::json& each : vectors) {
    const std::vector<double> series = each["series"];
    const Split split = BestSplit(series, 1);
    CHECK(split.index == each["split"]);
    CHECK(split.q == Approx(each["q"].get<double>()).epsilon(1e-9));
    const std::span<const double> all(series);
    if (each["p"].is_null()) continue;
    CHECK(StudentTestP(all.first(split.index), all.subspan(split.index)) ==
          Approx(each["p"].get<double>()).epsilon(1e-9));
  }
}

// The series and answers that Apache Otava's own tests have.
TEST_CASE("a reference implementation's series have its change points") {
  const std::vector<double> levels = {0.3,  2.4,   1.5,   -0.9,  -0.5,  99.7,  98.3,
                                      99.1, 149.0, 149.7, 149.5, 149.1, 148.8, 150};
  CHECK(IndexesOf(FindChangePoints(levels, {.window = 50, .level_min = 1, .p_max = 0.01})) ==
        std::vector<std::size_t>{5, 8});
  const std::vector<double> halved = {1.02, 0.95, 0.99, 1.00, 1.12, 1.00, 1.01, 0.98, 1.01, 0.96,
                                      0.50, 0.51, 0.48, 0.48, 0.55, 0.50, 0.49, 0.51, 0.50, 0.49};
  CHECK(IndexesOf(FindChangePoints(halved, {.window = 10, .level_min = 1, .p_max = 0.0001})) ==
        std::vector<std::size_t>{10});
  const std::vector<double> same = {1.00, 1.02, 1.05, 0.95, 0.98}, lower = {0.80, 0.82, 0.85, 0.79, 0.77};
  CHECK(StudentTestP(same, same) > 0.99);
  CHECK(StudentTestP(same, lower) < 0.001);
}

TEST_CASE("a step of 5 % in noise of 1 % is found within a night of where it is, and rarely anything else") {
  std::size_t exact = 0, others = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Prng prng(seed);
    std::vector<double> series;
    for (int night = 0; night < 90; ++night) series.push_back((night < 57 ? 100 : 105) + Gauss(prng));
    std::size_t near = 0;
    for (const ChangePoint& point : FindChangePoints(series, {.magnitude_min = 0.02})) {
      exact += point.index == 57 ? 1 : 0;
      if (point.index < 56 || point.index > 58) {
        ++others;
        continue;
      }
      ++near;
      CHECK(point.mean_before == Approx(100).margin(2));
      CHECK(point.mean_after == Approx(105).margin(2));
    }
    CHECK(near == 1);
  }
  CHECK(exact >= 180);
  CHECK(others <= 6);
}

TEST_CASE("noise alone has a change point in few series, and none above the magnitude floor") {
  std::size_t false_alarms = 0, above_floor = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Prng prng(seed);
    std::vector<double> series;
    for (int night = 0; night < 90; ++night) series.push_back(100 + Gauss(prng));
    false_alarms += FindChangePoints(series, {}).empty() ? 0 : 1;
    above_floor += FindChangePoints(series, {.magnitude_min = 0.03}).empty() ? 0 : 1;
  }
  CHECK(false_alarms <= 30);  // the largest of many splits is tested, so above p_max: the floor is what decides
  CHECK(above_floor == 0);
}

TEST_CASE("a spike of one night is no new level, two steps are two points") {
  std::vector<double> series(60, 100.0);
  Prng prng(7);
  for (double& value : series) value += Gauss(prng);
  std::vector<double> spike = series;
  spike[30] += 40;
  CHECK(FindChangePoints(spike, {.magnitude_min = 0.03}).empty());
  for (std::size_t i = 20; i < 60; ++i) series[i] += i < 40 ? 10 : 25;
  CHECK(IndexesOf(FindChangePoints(series, {.magnitude_min = 0.03})) == std::vector<std::size_t>{20, 40});
}

TEST_CASE("a counter that never varied changes with the third value of a new level at the latest") {
  std::vector<double> series(20, 5.0);
  CHECK(FindChangePoints(series, {}).empty());
  series.insert(series.end(), 3, 6.0);
  CHECK(IndexesOf(FindChangePoints(series, {})) == std::vector<std::size_t>{20});
  std::vector<double> from_zero(10, 0.0);
  from_zero.insert(from_zero.end(), 5, 1.0);
  const std::vector<ChangePoint> points = FindChangePoints(from_zero, {.magnitude_min = 0.5});
  REQUIRE(points.size() == 1);
  CHECK(std::isinf(points[0].Magnitude()));
}

TEST_CASE("short series have no change point and no trouble") {
  for (std::size_t size = 0; size < 3; ++size) {
    std::vector<double> series(size, 1.0);
    if (size > 0) series.back() = 50;
    CHECK(FindChangePoints(series, {}).empty());
  }
}

}  // namespace
}  // namespace prefixmesh::bench
