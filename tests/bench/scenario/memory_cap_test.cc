// Goal: the growth that a killed run states is the slope of its readings, and its one line says who, at what, when and
// how fast. Method: lines whose slope is known, with noise around them that cannot tilt them. That a router above the
// cap is really killed is in tests/real/memory_cap_test.py.
#include "bench/scenario/memory_cap.h"

#include "tests/support/properties.h"

namespace prefixmesh::bench {
namespace {

constexpr double kMiB = 1 << 20;

TEST_CASE("GrowthPerSecond: nothing can be said of no reading, of one, or of several at one time") {
  REQUIRE_FALSE(GrowthPerSecond({}).has_value());
  const MemoryReading readings[] = {{3.5, 10 * kMiB}, {3.5, 20 * kMiB}};
  REQUIRE_FALSE(GrowthPerSecond(std::span(readings, 1)).has_value());
  REQUIRE_FALSE(GrowthPerSecond(readings).has_value());
}

TEST_CASE("GrowthPerSecond: it is the least-squares slope, not that of the two ends") {
  // By hand: mean (1.5, 2.5), sum of products 4, sum of squares 5.
  const MemoryReading readings[] = {{0, 1}, {1, 4}, {2, 2}, {3, 3}};
  REQUIRE(*GrowthPerSecond(readings) == Approx(2.0 / 5));
}

TEST_CASE("GrowthPerSecond: a line gives its own slope, wherever it starts and however it is read") {
  test::ForAll("any line", [](std::uint32_t begin_s, std::uint32_t base, std::int32_t slope) {
    const std::vector<std::uint8_t> gaps = *rc::gen::nonEmpty<std::vector<std::uint8_t>>();
    std::vector<MemoryReading> readings;
    double at_s = begin_s % 100'000;
    for (const std::uint8_t gap : gaps) {
      readings.push_back({at_s, base + slope * at_s});
      at_s += (gap + 1) * 0.05;
    }
    readings.push_back({at_s, base + slope * at_s});
    RC_ASSERT(*GrowthPerSecond(readings) == Approx(slope).epsilon(1e-6).margin(1e-3));
  });
}

TEST_CASE("CapHitText: who, at what, when, how fast") {
  CapHit hit{.router = "router-a",
             .at_s = 4.26,
             .memory = {.rss_bytes = 201 << 20, .peak_rss_bytes = 205 << 20},
             .bytes_per_s = 55.24 * kMiB};
  REQUIRE(CapHitText(hit) == "router-a killed at 201 MiB after 4.3 s, growing 55.2 MiB/s");
  hit.bytes_per_s.reset();
  REQUIRE(CapHitText(hit) == "router-a killed at 201 MiB after 4.3 s, its growth not seen");
  hit.router = std::string(300, 'r');  // a name has no bound here
  REQUIRE(CapHitText(hit).starts_with(std::string(300, 'r') + " killed at 201 MiB"));
}

TEST_CASE("MemoryCap: without a cap nothing is watched") {
  MemoryCap cap(0);
  REQUIRE(cap.Start({{"nobody", -1}}, {}).ok());
  cap.Stop();
  REQUIRE_FALSE(cap.hit().has_value());
}

TEST_CASE("MemoryCap: a process that cannot be watched is said, rather than left without its cap") {
  MemoryCap cap(1);
  const Status started = cap.Start({{"router-a", -1}}, {});
  REQUIRE_FALSE(started.ok());
  REQUIRE(started.error().message.starts_with("the memory cap cannot watch router-a: "));
}

}  // namespace
}  // namespace prefixmesh::bench
