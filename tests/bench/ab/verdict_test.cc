// Goal: a verdict is called with all three keys and never without one. Method: families made so that exactly one key is
// missing; zeros; and thousands of simulated A/Bs on a machine that drifts, for the rates that are promised.
#include "bench/ab/statistics/verdict.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "impl/base/prng.h"

namespace prefixmesh::bench::ab {
namespace {

MetricPairs Pairs(std::vector<double> ratios, double threshold = 5, bool lower = true) {
  MetricPairs pairs{std::vector<double>(ratios.size(), 100.0), {}, lower, threshold};
  for (const double ratio : ratios) pairs.b.push_back(100 * ratio);
  return pairs;
}
MetricComparison One(const MetricPairs& pairs) { return CompareFamily(std::vector{pairs}, 1).front(); }

TEST_CASE("AbVerdict: a steady change is called by its direction and by what is better") {
  const std::vector<double> up = {1.10, 1.11, 1.09, 1.12, 1.10, 1.08, 1.11, 1.10, 1.09};
  const MetricComparison more = One(Pairs(up));
  CHECK(more.verdict == MetricVerdict::kRegressed);
  CHECK(*more.median_change == Approx(0.10));
  CHECK((*more.ci_low > 0.08 && *more.ci_high < 0.12));
  CHECK(*more.p == Approx(2.0 / 512));
  CHECK(more.effect == 1);
  CHECK(One(Pairs(up, 5, false)).verdict == MetricVerdict::kImproved);
  std::vector<double> down;
  for (const double each : up) down.push_back(1 / each);
  CHECK(One(Pairs(down)).verdict == MetricVerdict::kImproved);
  CHECK(One(Pairs(down, 5, false)).verdict == MetricVerdict::kRegressed);
}

TEST_CASE("AbVerdict: each key alone can withhold it") {
  const std::vector<double> small = {1.010, 1.011, 1.009, 1.012, 1.010, 1.008, 1.011, 1.010, 1.009};
  CHECK(One(Pairs(small)).verdict == MetricVerdict::kUnchanged);  // sure, but below the threshold
  CHECK(One(Pairs(small, 0.5)).verdict == MetricVerdict::kRegressed);
  // Beyond the threshold, and the interval excludes 0, but 8 of 9 is no surprise once twelve were asked.
  const std::vector<double> one_back = {1.10, 1.11, 1.09, 1.12, 1.10, 1.08, 1.11, 1.10, 0.97};
  const std::vector<double> noise = {1.01, 0.99, 1.02, 0.98, 1.01, 0.99, 1.0, 1.01, 0.99};
  CHECK(*One(Pairs(one_back)).p == Approx(4.0 / 512));
  CHECK(One(Pairs(one_back)).verdict == MetricVerdict::kRegressed);  // asked alone it is one
  std::vector<MetricPairs> family(12, Pairs(noise));
  family[0] = Pairs(one_back);
  CHECK(*CompareFamily(family, 1)[0].p_holm > kSignificance);
  CHECK(CompareFamily(family, 1)[0].verdict == MetricVerdict::kUnchanged);
  // Significant and far enough in the middle, but the interval reaches to 0.
  const std::vector<double> half = {1, 1, 1, 1, 1, 1.06, 1.06, 1.06, 1.06, 1.06, 1.06, 1.06};
  CHECK(*One(Pairs(half)).p_holm < kSignificance);
  CHECK(*One(Pairs(half)).ci_low == 0);
  CHECK(One(Pairs(half)).verdict == MetricVerdict::kUnchanged);
  // Wide: the pairs cannot exclude a change that would matter.
  const std::vector<double> wild = {1.5, 0.7, 1.3, 0.6, 1.8, 0.9, 1.1, 0.5, 2.0};
  CHECK(One(Pairs(wild)).verdict == MetricVerdict::kUnstable);
  CHECK(One(Pairs(wild, 200)).verdict == MetricVerdict::kUnchanged);
}

TEST_CASE("AbVerdict: twelve metrics and nine pairs can still be decided") {
  const std::vector<double> up = {1.10, 1.11, 1.09, 1.12, 1.10, 1.08, 1.11, 1.10, 1.09};
  std::vector<MetricPairs> family(12, Pairs(std::vector<double>(9, 1.0)));
  family[7] = Pairs(up);
  const std::vector<MetricComparison> out = CompareFamily(family, 1);
  CHECK(out[7].verdict == MetricVerdict::kRegressed);
  CHECK(*out[7].p_holm < kSignificance);
  CHECK(out[0].verdict == MetricVerdict::kUnchanged);
  CHECK(*out[0].median_change == 0);
}

TEST_CASE("AbVerdict: fewer than nine pairs have no verdict, whatever they show") {
  for (std::size_t n = 0; n < kPairsMin; ++n) {
    const MetricComparison each = One(Pairs(std::vector<double>(n, 2.0)));
    CHECK(each.verdict == MetricVerdict::kNotEnoughPairs);
    CHECK(each.p.has_value() == (n > 0));
    CHECK(each.median_change.has_value() == (n > 0));
    CHECK(each.ci_low.has_value() == (n >= 6));  // five of one side are no rarer than 6 %
  }
  // They are no part of the family either: what can be called is not corrected for what cannot.
  std::vector<MetricPairs> family(12, Pairs(std::vector<double>(8, 1.0)));
  family[0] = Pairs(std::vector<double>(9, 2.0));
  CHECK(*CompareFamily(family, 1)[0].p_holm == Approx(2.0 / 512));
  CHECK_FALSE(CompareFamily(family, 1)[1].p_holm.has_value());
  CHECK(One(Pairs(std::vector<double>(kPairsMin, 2.0))).verdict == MetricVerdict::kRegressed);
}

TEST_CASE("AbVerdict: zeros are compared without inventing a percentage") {
  MetricPairs none = Pairs(std::vector<double>(9, 1.0));
  none.a = none.b = std::vector<double>(9, 0.0);
  const MetricComparison equal = One(none);
  CHECK(equal.verdict == MetricVerdict::kUnchanged);
  CHECK((*equal.median_change == 0 && equal.one_sided_zeros == 0));
  MetricPairs from_zero = none;
  from_zero.b = {5, 6, 7, 5, 6, 7, 5, 6, 7};
  const MetricComparison grown = One(from_zero);
  CHECK(grown.verdict == MetricVerdict::kRegressed);
  CHECK_FALSE(grown.median_change.has_value());
  CHECK(grown.one_sided_zeros == 9);
  CHECK(*grown.p == Approx(2.0 / 512));
  std::swap(from_zero.a, from_zero.b);
  const MetricComparison gone = One(from_zero);
  CHECK(gone.verdict == MetricVerdict::kImproved);
  CHECK(*gone.median_change == -1);
  // One pair of nine: no change in the middle.
  none.b[4] = 3;
  CHECK(One(none).verdict == MetricVerdict::kUnchanged);
}

// A machine as shared ones are: each run's speed follows an AR(1) drift (phi 0.9, spread 3 %) and has noise
// of its own (1.5 %). Arms in random order inside each pair, one after the other.
struct Rates {
  double called = 0;  // share of the trials in which the first metric was called
  double family = 0;  // in which any was
};
Rates Simulate(std::size_t trials, std::size_t pairs, std::size_t metrics, double effect, double threshold) {
  constexpr double kPhi = 0.9, kDrift = 0.03, kNoise = 0.015;
  Prng prng = Prng::ForPurpose(20261121, "drift");
  Rates rates;
  for (std::size_t trial = 0; trial < trials; ++trial) {
    std::vector<MetricPairs> family;
    for (std::size_t m = 0; m < metrics; ++m) {
      MetricPairs each{std::vector<double>(pairs), std::vector<double>(pairs), true, threshold};
      double drift = kDrift * prng.Normal();
      for (std::size_t i = 0; i < pairs; ++i) {
        const bool b_first = prng.Below(2) == 1;
        for (const bool second : {false, true}) {
          const bool is_b = second != b_first;
          drift = kPhi * drift + std::sqrt(1 - kPhi * kPhi) * kDrift * prng.Normal();
          const double change = is_b && m == 0 ? 1 + effect : 1;
          (is_b ? each.b : each.a)[i] = change * std::exp(drift + kNoise * prng.Normal());
        }
      }
      family.push_back(std::move(each));
    }
    const std::vector<MetricComparison> out = CompareFamily(family, trial);
    const auto called = [](const MetricComparison& each) {
      return each.verdict == MetricVerdict::kImproved || each.verdict == MetricVerdict::kRegressed;
    };
    rates.called += called(out.front()) ? 1 : 0;
    rates.family += std::any_of(out.begin(), out.end(), called) ? 1 : 0;
  }
  return {rates.called / static_cast<double>(trials), rates.family / static_cast<double>(trials)};
}

TEST_CASE("AbVerdict: under drift it calls noise in at most 6 % of the A/As, even with next to no threshold") {
  const Rates alone = Simulate(2000, 12, 1, 0, 0.01);
  INFO(alone.called);
  CHECK(alone.called <= 0.06);
  CHECK(alone.called >= 0.01);  // the test is not asleep
  const Rates family = Simulate(300, 12, 12, 0, 0.01);
  INFO(family.family);
  CHECK(family.family <= 0.06);
  CHECK(Simulate(1000, 9, 1, 0, 0.01).called <= 0.06);
}

TEST_CASE("AbVerdict: a change of 5 % is called in at least 90 % of the A/Bs, also beside eleven quiet metrics") {
  const Rates alone = Simulate(1000, 12, 1, 0.05, 2);
  INFO(alone.called);
  CHECK(alone.called >= 0.90);
  const Rates family = Simulate(300, 12, 12, 0.05, 2);
  INFO(family.called);
  CHECK(family.called >= 0.90);
}

}  // namespace
}  // namespace prefixmesh::bench::ab
