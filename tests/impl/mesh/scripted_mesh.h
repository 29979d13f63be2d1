// scripted_mesh.h — a mesh over a scripted strategy: the strategy notes what it is told and does what the test says;
// clock and executor are moved by hand, the transport records.
//
// Threads: one. Ownership: values.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "impl/mesh/mesh.h"
#include "tests/support/allocations.h"
#include "tests/support/manual_env.h"

namespace prefixmesh::test {

class ScriptedStrategy final : public SyncStrategy {
 public:
  const StrategyTraits& traits() const override { return traits_; }
  std::optional<Offer> Capture(const PlacementView& placement) const override {
    if (placement.repeat) return std::nullopt;
    Offer offer;
    offer.prompt.assign(100, 'p');
    return offer;
  }
  void OnPlacement(Time, Offer, Actions&) override {
    ++placements;
    told += 'p';
  }
  void OnRemoval(Time, const Removal& removal, Actions&) override { told += removal.everything ? 'e' : 'r'; }
  void OnRound(Time now, Actions& actions) override {
    rounds.push_back(now);
    for (const SendFrame& frame : to_send) actions.push_back(frame);
    to_send.clear();
    if (refuse_bytes > 0)
      actions.push_back(RefuseFrame{PeerIndex{0}, Oversize::kEntry, refuse_bytes, 10, Layer::kPlacements, "m"});
    refuse_bytes = 0;
  }
  void OnPeerTick(Time now, PeerIndex peer, Actions&) override { ticks.emplace_back(now, peer); }
  void OnPeerUp(Time, PeerIndex, StreamRole, Actions&) override {}
  void OnPeerDown(Time, PeerIndex, Actions&) override { ++downs; }
  void OnFrame(Time, PeerIndex peer, Bytes frame, Actions& actions) override {
    out_bytes = test::ResetPeak();
    received.emplace_back(AsText(frame));
    if (rejects) actions.push_back(RejectFrame{.peer = peer, .kind = "entry", .model = received.back()});
  }
  void OnSendResult(Time, PeerIndex, std::uint64_t token, SendOutcome outcome, Actions&) override {
    results.emplace_back(token, outcome);
  }
  bool Holds(std::string_view, Kind, NodeId, std::string_view) const override { return false; }
  StrategyReport Report() const override { return report; }

  StrategyTraits traits_;
  std::vector<SendFrame> to_send;
  std::uint64_t refuse_bytes = 0;
  bool rejects = false;  // every frame, as if it were a model's name
  StrategyReport report;
  int placements = 0, downs = 0;
  std::string told;  // placements and removals, in order
  std::vector<Time> rounds;
  std::vector<std::pair<Time, PeerIndex>> ticks;
  std::vector<std::string> received;
  std::uint64_t out_bytes = 0;  // on the heap when a frame came
  std::vector<std::pair<std::uint64_t, SendOutcome>> results;
};

struct World {
  explicit World(StrategyTraits traits) {
    strategy.traits_ = traits;
    mesh = std::make_unique<Mesh>(clock, executor, strategy, sink, std::vector<std::string>{"b", "c"});
    mesh->Start(transport);
  }
  test::ManualClock clock;
  test::ManualExecutor executor{clock};
  test::RecordingTransport transport;
  ScriptedStrategy strategy;
  MeshSink sink;
  std::unique_ptr<Mesh> mesh;
};

inline StrategyTraits Beats(Time round, Time tick) {
  StrategyTraits traits;
  traits.round_period = round;
  traits.peer_tick_period = tick;
  traits.offer_bytes = 1000;
  return traits;
}

inline SendFrame Frame(std::size_t bytes, std::size_t control, std::uint64_t token) {
  SendFrame frame;
  frame.peer = PeerIndex{0};
  frame.frame.assign(bytes, 'f');
  frame.control_bytes = control;
  frame.token = token;
  return frame;
}

}  // namespace prefixmesh::test
