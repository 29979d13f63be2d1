// Goal: the size of bursts is what was sent, at any rate; arrivals by chance are none.
#include "impl/route/bursts.h"

#include <cmath>

#include "impl/base/prng.h"
#include "tests/support/properties.h"

namespace prefixmesh {
namespace {

// `requests` of them, in bursts of `size` within a microsecond, `gap` apart on average, by chance or like a clock.
double SizeAfter(int requests, int size, double gap_ns, bool by_chance, std::uint64_t seed) {
  Bursts bursts;
  Prng prng(seed);
  double at = 0, sum = 0;
  int read = 0;
  for (int i = 0; i < requests; ++i) {
    if (i % size == 0) at += by_chance ? -std::log(1 - prng.Unit()) * gap_ns : gap_ns;
    bursts.Note(Bursts::Time(static_cast<Bursts::Time::rep>(at + 100.0 * (i % size))));
    if (i < requests / 2) continue;
    sum += bursts.size();
    ++read;
  }
  return sum / read;
}

TEST_CASE("Bursts: single requests by chance are none, and bursts have their size, at any rate") {
  test::ForAll("any rate", [](std::uint64_t seed) {
    const double gap_ns = std::pow(10.0, *rc::gen::inRange(6, 11));
    const bool by_chance = *rc::gen::arbitrary<bool>();
    const double alone = SizeAfter(4000, 1, gap_ns, by_chance, seed);
    RC_ASSERT(alone >= 1);
    RC_ASSERT(alone < 1.2);
    for (const int size : {2, 4, 16}) {
      const double seen = SizeAfter(4000, size, gap_ns, by_chance, seed);
      RC_ASSERT(seen > 0.75 * size);
      RC_ASSERT(seen < 1.5 * size);
    }
  });
}

TEST_CASE("Bursts: the first requests, a pause, and a clock that stands make no burst that was none") {
  Bursts bursts;
  REQUIRE(bursts.size() == 1);
  Bursts::Time at{0};
  for (int i = 0; i < 200; ++i) bursts.Note(at += std::chrono::milliseconds(10));
  REQUIRE(bursts.size() < 1.01);
  bursts.Note(at += std::chrono::hours(5));
  for (int i = 0; i < 200; ++i) {
    bursts.Note(at += std::chrono::milliseconds(10));
    REQUIRE(bursts.size() < 1.01);
  }
  for (int i = 0; i < 100000; ++i) bursts.Note(at);
  REQUIRE(bursts.size() <= Bursts::kSizeMax);
}

}  // namespace
}  // namespace prefixmesh
