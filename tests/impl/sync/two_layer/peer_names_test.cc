// Goal: a peer's slots mean what it said last, and nothing of them stays when its stream ends.
#include "impl/sync/two_layer/peer_names.h"

#include <catch2/catch.hpp>
#include <optional>

#include "impl/sync/two_layer/options.h"

namespace prefixmesh::two_layer {
namespace {

constexpr Introducer kPeer = 1;

Round Defining(Slot slot, const std::string& worker) {
  Round round;
  round.scopes.push_back({0, {"m", Kind::kText}});
  round.workers.push_back({slot, {worker, Incarnation{1}}});
  return round;
}

SlotMap Marking(Slot worker) {
  SlotMap slots;
  slots.scopes = {0};
  slots.workers.assign(worker + std::size_t{1}, SlotMap::kNoSlot);
  slots.workers[worker] = 0;
  return slots;
}

TEST_CASE("PeerNames: a name is taken when a record needs it, and given back when the stream ends") {
  RecordNames names(1);
  std::optional<PeerNames> peer(names);
  REQUIRE(peer->Define(Defining(3, "w")));
  REQUIRE(*peer->WorkerOf(3) == "w");
  REQUIRE(peer->WorkerOf(2) == nullptr);
  REQUIRE(peer->WorkerOf(9) == nullptr);
  REQUIRE(names.workers.live() == 0);
  SlotMap slots = Marking(3);
  REQUIRE(peer->Resolve(kPeer, false, slots));
  REQUIRE(names.workers.live() == 1);
  REQUIRE(names.workers[slots.workers[3]].name == "w");
  REQUIRE(slots.workers[2] == SlotMap::kNoSlot);
  peer.reset();
  REQUIRE(names.workers.live() == 0);
  REQUIRE(names.scopes.live() == 0);
}

TEST_CASE("PeerNames: a slot that is defined again gives its old name back") {
  RecordNames names(1);
  PeerNames peer(names);
  REQUIRE(peer.Define(Defining(0, "old")));
  SlotMap slots = Marking(0);
  REQUIRE(peer.Resolve(kPeer, false, slots));
  REQUIRE(peer.Define(Defining(0, "new")));
  REQUIRE(names.workers.live() == 0);
  slots = Marking(0);
  REQUIRE(peer.Resolve(kPeer, false, slots));
  REQUIRE(names.workers.live() == 1);
  REQUIRE(names.workers[slots.workers[0]].name == "new");
}

TEST_CASE("PeerNames: the names of one stream take so many bytes, however often they change") {
  RecordNames names(1);
  PeerNames peer(names);
  const std::string longest(kNameBytesMax, 'w');
  for (int i = 0; i < 10'000; ++i) REQUIRE(peer.Define(Defining(0, longest)));  // the last one counts
  std::size_t bytes = 1 + kNameBytesMax;
  for (Slot slot = 1; bytes + kNameBytesMax <= kStreamNameBytesMax; ++slot, bytes += kNameBytesMax)
    REQUIRE(peer.Define(Defining(slot, longest)));
  REQUIRE_FALSE(peer.Define(Defining(kNamesMax - 1, longest)));
}

}  // namespace
}  // namespace prefixmesh::two_layer
