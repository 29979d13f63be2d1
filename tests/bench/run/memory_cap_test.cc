// Goal: the one line of a killed run says who, at what, when and how fast. That a router above the cap is really killed
// is in tests/real/memory_cap_test.py.
#include "bench/run/memory_cap.h"

#include <catch2/catch.hpp>

namespace prefixmesh::bench {
namespace {

constexpr double kMiB = 1 << 20;

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
