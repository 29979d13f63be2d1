// Goal: each arrival model has exactly the count it promises and the distribution it claims.
// Method: Kolmogorov–Smirnov and chi-square at p = 0.001, fixed seeds.
#include "loadgen/arrivals/arrivals.h"

#include <algorithm>
#include <cmath>

#include "tests/support/properties.h"

namespace prefixmesh::load {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr double kKs999 = 1.95;  // critical value x sqrt(n) at p = 0.001

void RequireInside(const Offsets& offsets, nanoseconds span) {
  REQUIRE(std::is_sorted(offsets.begin(), offsets.end()));
  if (!offsets.empty()) REQUIRE((offsets.front() >= 0 && offsets.back() < span.count()));
}

// The largest distance between the sample and a cumulative distribution.
template <typename Cdf>
double KsDistance(std::vector<double> sample, Cdf cdf) {
  std::sort(sample.begin(), sample.end());
  double distance = 0;
  const auto n = static_cast<double>(sample.size());
  for (std::size_t i = 0; i < sample.size(); ++i) {
    const double expected = cdf(sample[i]);
    distance = std::max({distance, std::abs(expected - static_cast<double>(i) / n),
                         std::abs(expected - static_cast<double>(i + 1) / n)});
  }
  return distance * std::sqrt(n);
}

std::vector<double> Gaps(const Offsets& offsets) {
  std::vector<double> gaps;
  for (std::size_t i = 1; i < offsets.size(); ++i) gaps.push_back(static_cast<double>(offsets[i] - offsets[i - 1]));
  return gaps;
}

double SquaredCv(const std::vector<double>& gaps) {
  double sum = 0, squares = 0;
  for (const double gap : gaps) {
    sum += gap;
    squares += gap * gap;
  }
  const double n = static_cast<double>(gaps.size()), mean = sum / n;
  return (squares / n - mean * mean) / (mean * mean);
}

TEST_CASE("PoissonArrivals: N uniform times, exponential gaps, Poisson counts") {
  Prng prng(1);
  const Offsets offsets = PoissonArrivals(24000, seconds(120), prng);
  REQUIRE(offsets.size() == 24000);
  RequireInside(offsets, seconds(120));
  std::vector<double> times(offsets.begin(), offsets.end());
  REQUIRE(KsDistance(times, [](double t) { return t / 120e9; }) < kKs999);
  REQUIRE(KsDistance(Gaps(offsets), [](double gap) { return 1 - std::exp(-gap * 200 / 1e9); }) < kKs999);
  // 1,200 windows of 100 ms with 20 each: the dispersion index is chi-square with 1,199 degrees of freedom.
  std::vector<double> counts(1200);
  for (const std::int64_t offset : offsets) ++counts[static_cast<std::size_t>(offset / 100'000'000)];
  double chi_square = 0;
  for (const double count : counts) chi_square += (count - 20) * (count - 20) / 20;
  REQUIRE(chi_square > 1050);
  REQUIRE(chi_square < 1360);
}

TEST_CASE("ConstantArrivals: equal gaps without drift") {
  const Offsets offsets = ConstantArrivals(7, nanoseconds(1'000'000'000));
  REQUIRE(offsets.front() == 0);
  for (const double gap : Gaps(offsets)) REQUIRE(gap == Approx(1e9 / 7).margin(1));
  REQUIRE(ConstantArrivals(20'000'000, std::chrono::hours(24)).back() <
          std::chrono::nanoseconds(std::chrono::hours(24)).count());
  REQUIRE(ConstantArrivals(0, seconds(1)).empty());
}

TEST_CASE("GammaArrivals: exact N, and the gaps' variance is 1 / burstiness") {
  for (const double burstiness : {0.25, 1.0, 4.0}) {
    Prng prng(2);
    const Offsets offsets = GammaArrivals(50000, burstiness, seconds(250), prng);
    REQUIRE(offsets.size() == 50000);
    RequireInside(offsets, seconds(250));
    REQUIRE(SquaredCv(Gaps(offsets)) == Approx(1 / burstiness).epsilon(0.05));
  }
  Prng prng(3);
  const Offsets poisson = GammaArrivals(20000, 1, seconds(100), prng);
  REQUIRE(KsDistance(Gaps(poisson), [](double gap) { return 1 - std::exp(-gap * 200 / 1e9); }) < kKs999);
}

TEST_CASE("StagedArrivals: each stage has its own count, the last one holds") {
  Prng prng(4);
  const std::vector<Stage> stages = {{10, 50}, {5, 0}, {10, 300}};
  const Offsets offsets = StagedArrivals(stages, seconds(30), prng);
  const auto count = [&](double from, double to) {
    return std::count_if(offsets.begin(), offsets.end(), [&](std::int64_t at) {
      return static_cast<double>(at) >= from * 1e9 && static_cast<double>(at) < to * 1e9;
    });
  };
  REQUIRE(count(0, 10) == 500);
  REQUIRE(count(10, 15) == 0);
  REQUIRE(count(15, 30) == 4500);
  RequireInside(offsets, seconds(30));
  REQUIRE(StagedArrivals(stages, seconds(5), prng).size() == 250);
  // More seconds than 64 bits of nanoseconds hold.
  for (const double endless : {9e9, 1e10, 1e300})
    REQUIRE(StagedArrivals(std::vector<Stage>{{3, 5}, {endless, 20}, {5, 1}}, seconds(10), prng).size() == 155);
}

TEST_CASE("TraceArrivals: speed, spreading and the cut") {
  const std::vector<std::int64_t> times = {1000, 1000, 1000, 4000, 4000, 10000};
  const Offsets spread = TraceArrivals(times, 2, true, seconds(100));
  REQUIRE(spread == Offsets{0, 500'000'000, 1'000'000'000, 1'500'000'000, 3'000'000'000, 4'500'000'000});
  const Offsets bursts = TraceArrivals(times, 1, false, seconds(100));
  REQUIRE(bursts == Offsets{0, 0, 0, 3'000'000'000, 3'000'000'000, 9'000'000'000});
  REQUIRE(TraceArrivals(times, 1, false, seconds(9)).size() == 5);
  REQUIRE(TraceArrivals({}, 1, true, seconds(9)).empty());
  // The last group spreads over the gap before it.
  REQUIRE(TraceArrivals(std::vector<std::int64_t>{0, 100, 100}, 1, true, seconds(9)) ==
          Offsets{0, 100'000'000, 150'000'000});
}

TEST_CASE("Arrivals: any seed and count stays inside its span, in order, with exact N") {
  test::ForAll("any", [](std::uint64_t seed, std::uint16_t count, std::uint32_t span_us, std::uint8_t shape) {
    const nanoseconds span = std::chrono::microseconds(span_us % 10'000'000 + 1);
    Prng prng(seed);
    for (const Offsets& offsets : {PoissonArrivals(count % 2000, span, prng), ConstantArrivals(count % 2000, span),
                                   GammaArrivals(count % 2000, 0.05 + shape, span, prng)}) {
      RC_ASSERT(offsets.size() == count % 2000u);
      RC_ASSERT(std::is_sorted(offsets.begin(), offsets.end()));
      RC_ASSERT((offsets.empty() || (offsets.front() >= 0 && offsets.back() < span.count())));
    }
  });
}

}  // namespace
}  // namespace prefixmesh::load
