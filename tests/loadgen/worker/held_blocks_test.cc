// Goal: what a fleet holds is what its caches hold, through evictions and a clear; and a prefill that another worker
// could have spared is told. Method: any history of three small caches against their own Peek.
#include "loadgen/worker/held_blocks.h"

#include <algorithm>
#include <chrono>

#include "loadgen/worker/service_model.h"
#include "tests/support/properties.h"

namespace prefixmesh::load {
namespace {

std::vector<NodeId> Prefix(std::uint64_t family, std::size_t blocks) {
  std::vector<NodeId> chain;
  for (std::size_t i = 0; i < blocks; ++i)
    chain.push_back(NodeId{1000 * (i < 3 ? family / 2 : family) + 100 * (i < 3) + i});
  return chain;
}

TEST_CASE("HeldBlocks: as deep as the best cache has it") {
  test::ForAll("any history", [] {
    HeldBlocks held;
    std::vector<KvCache> caches;
    for (int i = 0; i < 3; ++i) caches.emplace_back(12, &held);
    for (int step = 0; step < 40; ++step) {
      KvCache& cache = caches[*rc::gen::inRange<std::size_t>(0, 3)];
      if (*rc::gen::inRange(0, 20) == 0) cache.Clear();
      cache.Insert(Prefix(*rc::gen::inRange<std::uint64_t>(1, 8), *rc::gen::inRange<std::size_t>(1, 8)));
      const std::vector<NodeId> asked = Prefix(*rc::gen::inRange<std::uint64_t>(1, 8), 7);
      std::size_t deepest = 0;
      for (const KvCache& each : caches) deepest = std::max(deepest, each.Peek(asked));
      RC_ASSERT(held.Depth(asked, 0) == deepest);
    }
  });
}

TEST_CASE("ServiceModel: a prefill says how much of it some worker of the fleet had") {
  using std::chrono::milliseconds;
  HeldBlocks held;
  const ServiceOptions options{
      .concurrency = 1, .prefill_per_block = milliseconds(1), .decode = Time{0}, .held = &held};
  ServiceModel first(options), second(options);
  std::vector<ServiceEvent> events;
  first.Arrive(Time{0}, 1, Prefix(4, 5));
  first.Advance(milliseconds(5), events);
  REQUIRE(events[0].held_blocks == 0);
  events.clear();
  second.Arrive(milliseconds(5), 2, Prefix(4, 7));
  second.Advance(milliseconds(20), events);
  REQUIRE(events[0].cached_blocks == 0);
  REQUIRE(events[0].held_blocks == 5);
  REQUIRE(events[0].at == milliseconds(12));
}

}  // namespace
}  // namespace prefixmesh::load
