// Goal: the generator is the published one, and its distributions have the moments they claim.
#include "impl/base/prng.h"

#include <catch2/catch.hpp>
#include <cmath>

namespace prefixmesh {
namespace {

struct Moments {
  double mean, variance;
};

template <typename Draw>
Moments Measure(Draw draw) {
  constexpr int kDraws = 200000;
  double sum = 0, squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = draw();
    sum += x;
    squares += x * x;
  }
  const double mean = sum / kDraws;
  return {mean, squares / kDraws - mean * mean};
}

TEST_CASE("Prng: splitmix64 gives the published first output for seed 0") { REQUIRE(Mix64(0) == 0xe220a8397b1dcdafu); }

TEST_CASE("Prng: the same seed and purpose give the same numbers, another purpose gives others") {
  Prng a = Prng::ForPurpose(7, "arrivals"), b = Prng::ForPurpose(7, "arrivals"), c = Prng::ForPurpose(7, "prompts");
  int same_other_purpose = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t value = a.Next();
    REQUIRE(value == b.Next());
    same_other_purpose += value == c.Next();
  }
  REQUIRE(same_other_purpose == 0);
}

TEST_CASE("Prng: Below is uniform and below its bound") {
  Prng prng(3);
  int counts[7] = {};
  for (int i = 0; i < 70000; ++i) {
    const std::uint64_t value = prng.Below(7);
    REQUIRE(value < 7);
    ++counts[value];
  }
  double chi_squared = 0;
  for (const int count : counts) chi_squared += (count - 10000.0) * (count - 10000.0) / 10000.0;
  REQUIRE(chi_squared < 22.5);  // 6 degrees of freedom, p = 0.001
}

TEST_CASE("Prng: exponential, normal and gamma have their mean and variance") {
  Prng prng(11);
  const Moments exponential = Measure([&] { return prng.Exponential(); });
  REQUIRE(exponential.mean == Approx(1.0).margin(0.02));
  REQUIRE(exponential.variance == Approx(1.0).margin(0.05));
  const Moments normal = Measure([&] { return prng.Normal(); });
  REQUIRE(normal.mean == Approx(0.0).margin(0.01));
  REQUIRE(normal.variance == Approx(1.0).margin(0.02));
  for (const double shape : {0.25, 1.0, 4.0}) {
    const Moments gamma = Measure([&] { return prng.Gamma(shape); });
    REQUIRE(gamma.mean == Approx(shape).epsilon(0.03));
    REQUIRE(gamma.variance == Approx(shape).epsilon(0.06));
  }
}

TEST_CASE("SeedProblem: a seed is a whole number of 64 bits, and nothing is bent to be one") {
  for (const char* good : {"0", "1", "007", "18446744073709551615"}) REQUIRE(SeedProblem(good).empty());
  for (const char* bad : {"", "-1", "+1", " 1", "1 ", "1.5", "1e3", "0x10", "18446744073709551616", "one"}) {
    INFO(bad);
    REQUIRE(SeedProblem(bad).find("18446744073709551615") != std::string::npos);
  }
}

}  // namespace
}  // namespace prefixmesh
