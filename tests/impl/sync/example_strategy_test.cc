// Goal: docs/adding-a-strategy.md shows a strategy that compiles, runs, and is this one.
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "impl/base/varint.h"
#include "impl/sync/strategy.h"

namespace prefixmesh {
namespace {

// example begins
class LeafGossip final : public SyncStrategy {
 public:
  explicit LeafGossip(const StrategyView& view) : up_(view.PeerCount(), false) {
    traits_.name = "leaf-gossip";
    traits_.runs_on_block = true;
    traits_.round_period = std::chrono::milliseconds(50);
  }
  const StrategyTraits& traits() const override { return traits_; }

  // Request thread: keep what will be told. Repeats are no news.
  std::optional<Offer> Capture(const PlacementView& placement) const override {
    if (placement.repeat || placement.leaf_depth == 0) return std::nullopt;
    Offer offer;
    offer.model = placement.model;
    offer.kind = placement.kind;
    offer.worker_name = placement.worker_name;
    offer.ids = {placement.blocks[placement.leaf_depth - 1]};
    return offer;
  }
  void OnPlacement(Time, Offer offer, Actions&) override {
    ++records_.local;
    pending_.push_back(std::move(offer));
  }
  void OnRound(Time, Actions& actions) override {
    ByteWriter writer;
    for (const Offer& offer : pending_) {
      writer.Blob(offer.model);
      writer.U8(static_cast<std::uint8_t>(offer.kind));
      writer.Blob(offer.worker_name);
      writer.Fixed64(offer.ids.back().value);
    }
    for (std::uint16_t i = 0; i < up_.size() && !pending_.empty(); ++i)
      if (up_[i]) actions.push_back(SendFrame{PeerIndex{i}, writer.bytes()});
    pending_.clear();
  }
  void OnFrame(Time, PeerIndex peer, Bytes frame, Actions& actions) override {
    // Read twice: nothing of a frame that does not decode takes effect, and no list of what is in it is ever made.
    if (!ForEachRecord(frame, [](const ApplyIds&) {})) return void(++decode_errors_);
    ForEachRecord(frame, [&](ApplyIds apply) {
      apply.origin = static_cast<std::uint16_t>(peer.value + 1);
      apply.seq = ++seq_;
      ++records_.applied;
      actions.push_back(std::move(apply));
    });
  }
  void OnPeerUp(Time, PeerIndex peer, StreamRole, Actions&) override { up_[peer.value] = true; }
  void OnPeerDown(Time, PeerIndex peer, Actions&) override { up_[peer.value] = false; }
  void OnPeerTick(Time, PeerIndex, Actions&) override {}
  void OnSendResult(Time, PeerIndex, std::uint64_t, SendOutcome, Actions&) override {}
  bool Holds(std::string_view, Kind, NodeId, std::string_view) const override { return false; }
  StrategyReport Report() const override {
    StrategyReport report;
    report.records = records_;
    report.decode_errors = decode_errors_;
    return report;
  }

 private:
  template <typename F>
  static bool ForEachRecord(Bytes frame, F&& f) {
    ByteReader reader(frame);
    while (reader.ok() && reader.remaining() > 0) {
      ApplyIds apply;
      apply.model = reader.Blob();
      apply.kind = reader.U8() == 0 ? Kind::kText : Kind::kTokens;
      apply.worker_name = reader.Blob();
      apply.ids = {NodeId{reader.Fixed64()}};
      if (reader.ok()) f(std::move(apply));
    }
    return reader.ok();
  }

  StrategyTraits traits_;
  std::vector<bool> up_;
  std::vector<Offer> pending_;  // bounded by traits().offer_bytes: the mesh drains offers on the beat
  std::uint32_t seq_ = 0;
  RecordCounts records_;
  std::uint64_t decode_errors_ = 0;
};
// example ends

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
  const std::string here = read("tests/impl/sync/example_strategy_test.cc");
  const std::string begin = "// example begins\n", end = "// example ends";
  const std::size_t from = here.find(begin) + begin.size();
  const std::string code = here.substr(from, here.find(end) - from);
  REQUIRE(code.size() > 1000);
  REQUIRE(page.find("```cpp\n" + code + "```") != std::string::npos);
}

}  // namespace
}  // namespace prefixmesh
