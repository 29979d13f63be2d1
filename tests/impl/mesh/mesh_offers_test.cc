// Goal: what is offered to the mesh comes to the strategy in order, within bounds, and what does not come is counted.
// Method: scripted_mesh.h.
#include <catch2/catch.hpp>

#include "tests/impl/mesh/scripted_mesh.h"

namespace prefixmesh::test {
namespace {

using std::chrono::milliseconds;

TEST_CASE("Mesh: the offer queue is bounded in bytes; what does not fit is dropped and counted") {
  World world(Beats(milliseconds(50), Time{0}));
  int taken = 0;
  for (int i = 0; i < 100; ++i) taken += world.mesh->Offer({});
  REQUIRE(taken > 0);
  REQUIRE(taken < 10);
  REQUIRE(world.mesh->Stats().offers_dropped == 100u - static_cast<unsigned>(taken));
  world.executor.AdvanceBy(milliseconds(50));
  REQUIRE(world.strategy.placements == taken);
  REQUIRE(world.mesh->Offer({}));
  PlacementView repeat;
  repeat.repeat = true;
  REQUIRE(world.mesh->Offer(repeat));  // nothing to tell is not a drop
}

Removal RemovalOf(bool everything) {
  Removal removal;
  removal.everything = everything;
  return removal;
}

TEST_CASE("Mesh: removals are told in their place among the placements; those that are not told are counted") {
  for (const TellsRemovals tells : {TellsRemovals::kNone, TellsRemovals::kEverything, TellsRemovals::kPrefixes}) {
    StrategyTraits traits = Beats(milliseconds(50), Time{0});
    traits.offer_bytes = 10'000;
    traits.tells_removals = tells;
    World world(traits);
    world.mesh->Offer({});
    world.mesh->OfferRemoval(RemovalOf(false));
    world.mesh->OfferRemoval(RemovalOf(true));
    world.mesh->Offer({});
    world.executor.AdvanceBy(milliseconds(50));
    const char* const told[] = {"pp", "pep", "prep"};
    const auto count = static_cast<std::uint64_t>(tells);
    REQUIRE(world.strategy.told == told[count]);
    REQUIRE(world.mesh->Stats().removals.told == count);
    REQUIRE(world.mesh->Stats().removals.untold == 2 - count);
    REQUIRE(world.mesh->Stats().removals.dropped == 0);
  }
}

TEST_CASE("Mesh: a removal that the offer queue has no room for is dropped and counted") {
  StrategyTraits traits = Beats(milliseconds(50), Time{0});
  traits.tells_removals = TellsRemovals::kPrefixes;
  World world(traits);
  for (int i = 0; i < 100; ++i) world.mesh->OfferRemoval(RemovalOf(false));
  const RemovalCounts removals = world.mesh->Stats().removals;
  REQUIRE(removals.told > 0);
  REQUIRE(removals.dropped == 100 - removals.told);
  REQUIRE_FALSE(world.mesh->Offer({}));  // one queue
  world.executor.AdvanceBy(milliseconds(50));
  REQUIRE(world.strategy.told == std::string(removals.told, 'r'));
  REQUIRE(world.mesh->Offer({}));
}

}  // namespace
}  // namespace prefixmesh::test
