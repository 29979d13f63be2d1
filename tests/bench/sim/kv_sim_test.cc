// Goal: KV events end in the truth after any faults, and a seed is a history: the same each time.
#include "bench/sim/kv_sim.h"

#include <spdlog/spdlog.h>

#include <catch2/catch.hpp>

namespace prefixmesh::sim {
namespace {

TEST_CASE("KV events: in 2,000 histories the index is the caches, and nothing is left over") {
  spdlog::set_level(spdlog::level::off);  // of streams that part
  KvOutcome all;
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    const KvOutcome one = SimulateKvEvents(seed);
    INFO("seed " << seed);
    REQUIRE(one.broken == "");
    all.events += one.events;
    all.replayed += one.replayed;
    all.clears += one.clears;
    all.lives += one.lives;
  }
  CHECK(all.events > 200'000);  // that something happened
  CHECK(all.replayed > 20'000);
  CHECK(all.clears > 1'000);
  CHECK(all.lives > 500);
}

TEST_CASE("KV events: a seed is one history") {
  const KvOutcome first = SimulateKvEvents(7), second = SimulateKvEvents(7);
  CHECK(first.events == second.events);
  CHECK(first.asked == second.asked);
  CHECK(first.replayed == second.replayed);
}

}  // namespace
}  // namespace prefixmesh::sim
