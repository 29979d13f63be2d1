// Goal: docs/adding-a-strategy.md shows a strategy that compiles, runs, and is this one.
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "tests/impl/sync/leaf_gossip.h"

namespace prefixmesh {
namespace {

class TwoPeers final : public StrategyView {
 public:
  std::span<const WorkerLoad> Workers() const override { return {}; }
  std::uint64_t WorkersVersion() const override { return 0; }
  std::size_t PeerCount() const override { return 2; }
  std::string_view PeerName(PeerIndex peer) const override { return peer.value == 0 ? "a" : "b"; }
  Incarnation NewIncarnation() const override { return Incarnation{1}; }
};

TEST_CASE("The example strategy: what one router places, the other applies; damage changes nothing") {
  TwoPeers view;
  LeafGossip sender(view), receiver(view);
  Actions actions;
  sender.OnPeerUp(Time{}, PeerIndex{0}, StreamRole::kDialer, actions);
  const std::vector<NodeId> blocks = {NodeId{7}, NodeId{8}};
  PlacementView placement;
  placement.model = "m";
  placement.worker_name = "w";
  placement.worker_incarnation = Incarnation{77};
  placement.blocks = blocks;
  placement.leaf_depth = 2;
  sender.OnPlacement(Time{}, *sender.Capture(placement), actions);
  sender.OnRound(Time{}, actions);
  REQUIRE(actions.size() == 1);  // the peer that is down gets nothing
  const std::string frame = std::get<SendFrame>(actions[0]).frame;
  actions.clear();
  receiver.OnFrame(Time{}, PeerIndex{1}, AsBytes(frame), actions);
  REQUIRE(actions.size() == 1);
  REQUIRE(std::get<ApplyIds>(actions[0]).ids == std::vector<NodeId>{NodeId{8}});
  REQUIRE(std::get<ApplyIds>(actions[0]).worker_incarnation == Incarnation{77});
  actions.clear();
  receiver.OnFrame(Time{}, PeerIndex{1}, AsBytes(frame.substr(0, frame.size() - 1)), actions);
  REQUIRE(actions.empty());
  REQUIRE(receiver.Report().decode_errors == 1);
  sender.OnRound(Time{}, actions);
  REQUIRE(actions.empty());  // silence when there is nothing new
}

TEST_CASE("The example strategy: the page shows what is compiled here") {
  const auto read = [](const char* path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  };
  const std::string page = read("docs/adding-a-strategy.md");
  const std::string here = read("tests/impl/sync/leaf_gossip.h");
  REQUIRE(here.size() > 1000);
  REQUIRE(page.find("```cpp\n" + here + "```") != std::string::npos);
}

}  // namespace
}  // namespace prefixmesh
