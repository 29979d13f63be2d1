// Goal: the statistics of an A/B are the textbook's. Method: SciPy's values over the same numbers (scipy_vectors.json,
// made once by make_scipy_vectors.py), exact small cases by hand, and properties that any such test must have.
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "bench/ab/statistics/bootstrap.h"
#include "bench/ab/statistics/holm.h"
#include "bench/ab/statistics/sign_flip.h"
#include "tests/support/properties.h"

namespace prefixmesh::bench::ab {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

nlohmann::json Vectors() {
  std::ifstream file("tests/bench/ab/scipy_vectors.json");
  REQUIRE(file);
  return nlohmann::json::parse(file);
}

Approx Near(double value) { return Approx(value).epsilon(1e-9).margin(1e-12); }

TEST_CASE("AbStatistics: the paired test is SciPy's exact permutation test, to the last pattern") {
  const nlohmann::json vectors = Vectors();
  REQUIRE(vectors["paired"].size() >= 20);
  std::size_t wilcoxon = 0;
  for (const nlohmann::json& each : vectors["paired"]) {
    INFO(each["name"].get<std::string>());
    const std::vector<double> d = each["differences"];
    CHECK(SignFlipP(d, 1) == Near(each["p"]));
    const std::vector<double> ranks = SignedRanks(d);
    CHECK(ranks == each["signed_ranks"].get<std::vector<double>>());
    CHECK(SignFlipP(ranks, 1) == Near(each["p_signed_ranks"]));
    if (each["p_wilcoxon_exact"].is_null()) continue;
    ++wilcoxon;
    CHECK(SignFlipP(ranks, 1) == Near(each["p_wilcoxon_exact"]));
  }
  CHECK(wilcoxon >= 10);
}

TEST_CASE("AbStatistics: median and bootstrap interval are SciPy's, as near as 10,000 resamples come") {
  const nlohmann::json vectors = Vectors();
  for (const nlohmann::json& each : vectors["paired"]) {
    INFO(each["name"].get<std::string>());
    const std::vector<double> d = each["differences"];
    CHECK(Median(d) == Near(each["median"]));
    const Interval interval = BootstrapMedian(d, 3);
    const double slack = each["slack"];
    CHECK(std::fabs(interval.low - each["ci"][0].get<double>()) <= slack);
    CHECK(std::fabs(interval.high - each["ci"][1].get<double>()) <= slack);
  }
}

TEST_CASE("AbStatistics: Holm's step-down, with the values that SciPy's ranks give") {
  const nlohmann::json vectors = Vectors();
  REQUIRE(vectors["holm"].size() == 4);
  for (const nlohmann::json& each : vectors["holm"]) {
    const std::vector<double> adjusted = HolmAdjusted(each["p"].get<std::vector<double>>());
    REQUIRE(adjusted.size() == each["adjusted"].size());
    for (std::size_t i = 0; i < adjusted.size(); ++i) CHECK(adjusted[i] == Near(each["adjusted"][i]));
  }
  CHECK(HolmAdjusted({}).empty());
}

TEST_CASE("AbStatistics: one direction in all n pairs gives the smallest p there is, 2/2^n") {
  for (std::size_t n = 1; n <= kExactPairsMax; ++n) {
    std::vector<double> d(n);
    std::iota(d.begin(), d.end(), 1.0);
    CHECK(SignFlipP(d, 1) == Near(std::ldexp(2.0, -static_cast<int>(n))));
    CHECK(RankBiserial(d) == 1);
    for (double& each : d) each = -each;
    CHECK(RankBiserial(d) == -1);
  }
  CHECK(SignFlipP({}, 1) == 1);
  CHECK(SignFlipP(std::vector<double>(12, 0.0), 1) == 1);
  CHECK(RankBiserial(std::vector<double>(12, 0.0)) == 0);
}

TEST_CASE("AbStatistics: above 20 pairs the drawn p agrees with the normal limit and repeats with its seed") {
  std::vector<double> d;
  for (int i = 0; i < 40; ++i) d.push_back(i % 4 == 0 ? -1.0 : 1.0);  // 30 up, 10 down: a coin's tail
  // P(|Binomial(40, 1/2) − 20| >= 10), exactly 2 x the sum of C(40, k)/2^40 over k <= 10.
  double tail = 0, term = 1;
  for (int k = 0; k <= 10; ++k) {
    tail += term;
    term = term * (40 - k) / (k + 1);
  }
  const double exact = 2 * tail / std::ldexp(1.0, 40);
  const double spread = std::sqrt(exact / static_cast<double>(kFlips));
  CHECK(std::fabs(SignFlipP(d, 5) - exact) < 5 * spread);
  CHECK(SignFlipP(d, 5) == SignFlipP(d, 5));
  CHECK(SignFlipP(std::vector<double>(70, 1.0), 1) == Near(1.0 / static_cast<double>(kFlips + 1)));
}

TEST_CASE("AbStatistics: infinite differences are the largest, equal to each other, and order the interval") {
  const std::vector<double> d = {0.5, kInfinite, -0.1, kInfinite, 0, -kInfinite};
  CHECK(SignedRanks(d) == std::vector<double>{2, 4, -1, 4, 0, -4});
  CHECK(Median(std::vector<double>{-kInfinite, 0.5, kInfinite}) == 0.5);
  CHECK(Median(std::vector<double>{-kInfinite, kInfinite}) == 0);
  CHECK(Median(std::vector<double>{-kInfinite, 1}) == -kInfinite);
  const Interval all = BootstrapMedian(std::vector<double>(9, kInfinite), 1);
  CHECK((all.low == kInfinite && all.high == kInfinite));
  const Interval mixed = BootstrapMedian(d, 1);
  CHECK((mixed.low == -kInfinite && mixed.high == kInfinite));
}

TEST_CASE("AbStatistics: what must hold of any pairs") {
  test::ForAll("the other way round gives the same p, the opposite effect and a mirrored median",
               [](std::vector<std::int8_t> raw) {
                 raw.resize(std::min<std::size_t>(raw.size(), 14));
                 std::vector<double> d(raw.begin(), raw.end()), mirrored;
                 for (const double each : d) mirrored.push_back(-each);
                 RC_ASSERT(SignFlipP(d, 1) == SignFlipP(mirrored, 1));
                 RC_ASSERT(RankBiserial(d) == -RankBiserial(mirrored));
                 if (!d.empty()) RC_ASSERT(Median(d) == -Median(mirrored));
               });
  test::ForAll("p is a share of patterns; order and scale of the pairs do not matter",
               [](std::vector<std::int8_t> raw) {
                 raw.resize(std::min<std::size_t>(raw.size(), 14));
                 std::vector<double> d(raw.begin(), raw.end()), scaled(raw.rbegin(), raw.rend());
                 for (double& each : scaled) each *= 8;
                 const double p = SignFlipP(d, 1);
                 RC_ASSERT((p > 0 && p <= 1));
                 const double patterns = p * std::ldexp(1.0, static_cast<int>(d.size()));
                 RC_ASSERT(patterns == std::floor(patterns));
                 RC_ASSERT(p == SignFlipP(scaled, 1));
               });
  test::ForAll("the interval holds the median's neighbours in order and stays within the data",
               [](std::vector<std::int8_t> raw, std::uint64_t seed) {
                 RC_PRE(!raw.empty());
                 const std::vector<double> d(raw.begin(), raw.end());
                 const Interval interval = BootstrapMedian(d, seed);
                 RC_ASSERT(interval.low <= interval.high);
                 RC_ASSERT(interval.low >= *std::min_element(d.begin(), d.end()));
                 RC_ASSERT(interval.high <= *std::max_element(d.begin(), d.end()));
               });
  test::ForAll("Holm raises every p, keeps their order, and never passes 1", [](std::vector<std::uint8_t> raw) {
    std::vector<double> p;
    for (const std::uint8_t each : raw) p.push_back(each / 255.0);
    const std::vector<double> adjusted = HolmAdjusted(p);
    for (std::size_t i = 0; i < p.size(); ++i) {
      RC_ASSERT(adjusted[i] >= p[i]);
      RC_ASSERT(adjusted[i] <= 1);
      for (std::size_t j = 0; j < p.size(); ++j)
        if (p[i] < p[j]) RC_ASSERT(adjusted[i] <= adjusted[j]);
    }
  });
}

}  // namespace
}  // namespace prefixmesh::bench::ab
