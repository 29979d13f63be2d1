// raw_ops_node.h — one router's raw-ops, driven by hand: no threads, no clock, frames in variables.
//
// What it fakes: the mesh (rounds and ticks when the test says so), the transport (an outcome per send) and the tree (a
// set of what was applied).
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "impl/sync/generations/raw_ops/raw_ops.h"
#include "impl/wire/policy_state.h"
#include "tests/support/properties.h"

namespace prefixmesh::generations::test {

inline constexpr PeerIndex kPeer{0};
inline constexpr PeerIndex kOtherPeer{1};
inline constexpr const char* kKey = "tree:m";

class Node {
 public:
  explicit Node(const RawOpsOptions& options = {.self_name = "a"}) : ops_(options) {}

  void Up(StreamRole role, PeerIndex peer = kPeer) {
    ops_.OnPeerUp(Now(), peer, role, actions_);
    control_ = Frames();
  }

  void Put(const std::string& prompt, const std::string& worker = "w", Kind kind = Kind::kText) {
    const Slices slices(AsBytes(prompt));
    PlacementView view;
    view.model = "m";
    view.kind = kind;
    view.prompt = &slices;
    view.worker_name = worker;
    ops_.OnPlacement(Now(), *ops_.Capture(view), actions_);
    REQUIRE(actions_.empty());
  }
  void Put(int first, int count, std::size_t bytes = 0) {
    for (int i = first; i < first + count; ++i) {
      std::string prompt = "prompt " + std::to_string(i);
      if (prompt.size() < bytes) prompt.resize(bytes, 'x');
      Put(prompt);
    }
  }

  void Rounds(int count) {
    for (int i = 0; i < count; ++i) ops_.OnRound(Now(), actions_);
  }

  // One beat of the sender: the frame it offered, if any. The refusals of the beat are in `refused`.
  std::optional<std::string> Tick(SendOutcome outcome = SendOutcome::kQueued, PeerIndex peer = kPeer) {
    ops_.OnPeerTick(Now(), peer, actions_);
    refused.clear();
    std::optional<std::string> sent;
    for (Action& action : std::exchange(actions_, {})) {
      if (auto* refusal = std::get_if<RefuseFrame>(&action)) refused.push_back(*refusal);
      if (auto* send = std::get_if<SendFrame>(&action)) {
        REQUIRE(send->peer == peer);
        REQUIRE_FALSE(sent.has_value());
        sent = std::move(send->frame);
        ops_.OnSendResult(Now(), peer, send->token, outcome, actions_);
      }
    }
    return sent;
  }

  // Receives a frame; what goes back at once (snapshot chunks) is returned.
  std::vector<std::string> Receive(const std::string& frame, PeerIndex peer = kPeer) {
    ops_.OnFrame(Now(), peer, AsBytes(frame), actions_);
    return Frames();
  }

  RawOps& ops() { return ops_; }
  const OpStore& store() const { return ops_.store(); }
  Trims::Counts trims(Trim kind) const { return ops_.Report().trims.Of(kind); }
  RecordCounts records() const { return ops_.Report().records; }

  std::set<std::string> tree;        // prompts applied from remote
  std::uint64_t replayed = 0;        // ApplyPrompt actions, ever
  std::vector<RefuseFrame> refused;  // of the last beat or receive
  int closed = 0;                    // CloseStream actions, ever
  const std::vector<std::string>& control() const { return control_; }

 private:
  Time Now() { return now_ += std::chrono::milliseconds(1); }
  std::vector<std::string> Frames() {
    std::vector<std::string> frames;
    refused.clear();
    for (Action& action : std::exchange(actions_, {})) {
      if (auto* apply = std::get_if<ApplyPrompt>(&action)) {
        tree.insert(apply->prompt);
        ++replayed;
      } else if (auto* send = std::get_if<SendFrame>(&action)) {
        frames.push_back(std::move(send->frame));
      } else if (auto* refusal = std::get_if<RefuseFrame>(&action)) {
        refused.push_back(*refusal);
      } else if (std::holds_alternative<CloseStream>(action)) {
        ++closed;
      }
    }
    return frames;
  }

  RawOps ops_;
  Actions actions_;
  std::vector<std::string> control_;
  Time now_{0};
};

// What one frame of one key carries.
struct Carried {
  bool is_delta = false;
  std::uint64_t label = 0;  // the entry's version
  TreeStateDelta delta;
  TreeState state;
};

inline Carried Open(const std::string& frame) {
  const Result<StoreFrame> decoded = DecodeStoreFrame(AsBytes(frame));
  REQUIRE(decoded.ok());
  REQUIRE(decoded->entries.size() == 1);
  const PolicyStateView envelope = *DecodePolicyState(decoded->entries[0].value);
  Carried carried;
  carried.label = decoded->entries[0].version;
  carried.is_delta = envelope.policy_type == kTreeStateDeltaTag;
  if (carried.is_delta) {
    carried.delta = *DecodeTreeStateDelta(envelope.config);
  } else {
    REQUIRE(envelope.policy_type == kTreeStateTag);
    carried.state = *DecodeTreeState(envelope.config);
  }
  return carried;
}

inline std::string FrameOf(std::string tag, std::string config, std::uint64_t version, const std::string& model = "m") {
  const StoreEntry entry{
      .key = TreeKey(model),
      .value = Encode(PolicyState{model, std::move(tag), std::move(config), version}),
      .version = version,
      .actor = "b",
  };
  return EncodeBatch(Store::kPolicy, {&entry, 1});
}

inline std::vector<TreeOperation> Remote(int first, int count) {
  std::vector<TreeOperation> operations;
  for (int i = first; i < first + count; ++i) {
    operations.push_back({.prompt = "remote " + std::to_string(i), .tenant = "w"});
  }
  return operations;
}

}  // namespace prefixmesh::generations::test
