// generation_node.h — one router of any generation, driven by hand: a strategy and a live text tree of one model "m".
// No threads, no clock, frames in variables.
//
// What it fakes: the mesh (rounds and ticks when the test says so), the transport (an outcome per send) and the policy
// (the test names the worker). The tree is the real one; tokens go to no tree.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "impl/sync/generations/store_frame.h"
#include "impl/sync/generations/text_tree_view.h"
#include "impl/tree/text_tree.h"
#include "impl/wire/policy_state.h"
#include "tests/support/properties.h"

namespace prefixmesh::generations::test {

inline constexpr PeerIndex kFirst{0};
inline constexpr PeerIndex kSecond{1};

class GenerationNode final : public TextTreeView {
 public:
  // `make` gets this node as the strategy's view.
  template <typename Make>
  explicit GenerationNode(Make&& make) : strategy_(make(static_cast<const TextTreeView&>(*this))) {}
  GenerationNode(const GenerationNode&) = delete;
  GenerationNode& operator=(const GenerationNode&) = delete;

  void Up(StreamRole role, PeerIndex peer = kFirst) {
    strategy_->OnPeerUp(Now(), peer, role, actions_);
    control = Execute();
  }

  // Matches, inserts and tells, as the request path does.
  void Place(const std::string& prompt, const std::string& worker = "w", Kind kind = Kind::kText,
             bool by_load = false) {
    strategy_->OnPlacement(Now(), *Capture(prompt, worker, kind, by_load), actions_);
    REQUIRE(actions_.empty());
  }
  // The request thread's half of it.
  std::optional<Offer> Capture(const std::string& prompt, const std::string& worker = "w", Kind kind = Kind::kText,
                               bool by_load = false) {
    const Slices slices(AsBytes(prompt));
    PlacementView view;
    view.model = "m";
    view.kind = kind;
    view.prompt = &slices;
    view.worker_name = worker;
    view.by_load = by_load;
    if (kind == Kind::kText) {
      const Prompt what{.kind = kind, .bytes = &slices, .blocks = {}};
      const WorkerIndex index = Intern(worker);
      view.matched_bytes =
          tree_.MatchAndInsert(what, [index](const TreeMatch&) { return std::optional(index); }).matched_bytes;
    }
    return strategy_->Capture(view);
  }
  void PlaceMany(int first, int count, std::size_t bytes = 0) {
    for (int i = first; i < first + count; ++i) Place(Numbered(i, bytes));
  }
  // The worker dropped everything, or what begins so: out of the tree, and told if that is told.
  void Drop(const std::string& worker, const std::string& prefix = {}) {
    Removal removal;
    removal.model = "m";
    removal.everything = prefix.empty();
    removal.prompt = prefix;
    removal.worker_name = worker;
    const Slices slices(AsBytes(prefix));
    if (removal.everything) {
      tree_.RemoveWorker(Intern(worker));
    } else {
      tree_.RemovePrefix({.kind = Kind::kText, .bytes = &slices, .blocks = {}}, Intern(worker));
    }
    if (Tells(strategy_->traits().tells_removals, removal)) strategy_->OnRemoval(Now(), removal, actions_);
    REQUIRE(actions_.empty());
  }
  static std::string Numbered(int i, std::size_t bytes = 0) {
    std::string prompt = std::to_string(i) + " prompt";
    if (prompt.size() < bytes) prompt.resize(bytes, 'x');
    return prompt;
  }

  void Rounds(int count) {
    for (int i = 0; i < count; ++i) strategy_->OnRound(Now(), actions_);
    Execute();
  }
  // One beat of a sender: the frames it offered. The refusals of the beat are in `refused`.
  std::vector<std::string> Tick(PeerIndex peer = kFirst, SendOutcome outcome = SendOutcome::kQueued) {
    strategy_->OnPeerTick(Now(), peer, actions_);
    return Execute(outcome);
  }
  // Receives a frame; what goes back at once (snapshot chunks) is returned.
  std::vector<std::string> Receive(const std::string& frame, PeerIndex peer = kFirst) {
    strategy_->OnFrame(Now(), peer, AsBytes(frame), actions_);
    return Execute();
  }
  void ReceiveAll(const std::vector<std::string>& frames, PeerIndex peer = kFirst) {
    for (const std::string& frame : frames) Receive(frame, peer);
  }

  // How much of the prompt the tree believes the worker to hold.
  std::uint64_t Depth(const std::string& prompt, const std::string& worker = "w") const {
    const auto index = workers_.find(worker);
    if (index == workers_.end()) return 0;
    const Slices slices(AsBytes(prompt));
    std::vector<WorkerPrefix> found;
    tree_.Depths({.kind = Kind::kText, .bytes = &slices, .blocks = {}}, found);
    for (const WorkerPrefix& prefix : found)
      if (prefix.worker == index->second) return prefix.bytes;
    return 0;
  }
  bool Holds(const std::string& prompt, const std::string& worker = "w") const {
    return Depth(prompt, worker) == prompt.size();
  }
  int HeldOf(int first, int count, std::size_t bytes = 0) const {
    int held = 0;
    for (int i = first; i < first + count; ++i) held += Holds(Numbered(i, bytes));
    return held;
  }

  SyncStrategy& strategy() { return *strategy_; }
  template <typename Strategy>
  const Strategy& as() const {
    return dynamic_cast<const Strategy&>(*strategy_);
  }
  RecordCounts records() const { return strategy_->Report().records; }
  std::uint64_t decode_errors() const { return strategy_->Report().decode_errors; }
  Trims::Counts trims(Trim kind) const { return strategy_->Report().trims.Of(kind); }
  BufferSize buffer(const std::string& name) const {
    const StrategyReport report = strategy_->Report();
    for (std::size_t i = 0; i < report.buffer_count; ++i)
      if (report.buffers[i].name == name) return report.buffers[i];
    FAIL("no buffer named " + name);
    return {};
  }
  const TextTree& tree() const { return tree_; }

  std::vector<ApplyPrompt> applied;  // from peers, in order, ever
  std::uint64_t merged = 0;          // snapshots from peers, ever
  std::uint64_t forgotten = 0;       // tenants that a peer took out, ever
  std::vector<RefuseFrame> refused;  // of the last call
  std::vector<std::string> control;  // sent when the last stream came up
  int closed = 0;
  // Called in the middle of an export of the tree, as requests go on meanwhile.
  std::function<void()> during_export;

  // TextTreeView
  std::span<const WorkerLoad> Workers() const override { return {}; }
  std::uint64_t WorkersVersion() const override { return 0; }
  std::size_t PeerCount() const override { return 2; }
  std::string_view PeerName(PeerIndex peer) const override { return peer == kFirst ? "first" : "second"; }
  Incarnation NewIncarnation() const override { return Incarnation{1}; }
  void SnapshotTextTrees(std::string_view model, SnapshotSink sink) const override {
    if (!model.empty() && model != "m") return;
    TreeSnapshot snapshot;
    tree_.Walk([&](const TextTree::WholeNode& whole) {
      SnapshotNode& node = snapshot.nodes.emplace_back();
      node.edge = whole.edge;
      for (const RadixTree::Tenant& tenant : whole.tenants)
        node.tenants.emplace_back(names_[tenant.worker.value], tenant.epoch);
      node.child_count = whole.child_count;
    });
    if (during_export) during_export();
    sink("m", std::move(snapshot));
  }

 private:
  Time Now() { return now_ += std::chrono::milliseconds(1); }
  WorkerIndex Intern(const std::string& name) {
    const auto [at, made] = workers_.try_emplace(name, WorkerIndex{static_cast<std::uint16_t>(workers_.size())});
    if (made) names_.push_back(name);
    return at->second;
  }
  void Merge(const ApplySnapshot& action) {
    ++merged;
    const TreeSnapshot snapshot = *DecodeTreeSnapshot(AsBytes(action.body));
    auto node = snapshot.nodes.begin();
    std::vector<RadixTree::Tenant> tenants;
    tree_.Merge([&](TextTree::WholeNode& whole) {
      if (node == snapshot.nodes.end()) return false;
      tenants.clear();
      for (const auto& [name, epoch] : node->tenants) tenants.push_back({Intern(name), epoch});
      whole = {node->edge, tenants, node->child_count};
      ++node;
      return true;
    });
  }
  std::vector<std::string> Execute(SendOutcome outcome = SendOutcome::kQueued) {
    std::vector<std::string> frames;
    refused.clear();
    for (std::size_t i = 0; i < actions_.size(); ++i) {
      Action action = std::move(actions_[i]);
      if (auto* apply = std::get_if<ApplyPrompt>(&action)) {
        const Slices slices(AsBytes(apply->prompt));
        if (apply->kind == Kind::kText)
          tree_.Insert({.kind = Kind::kText, .bytes = &slices, .blocks = {}}, Intern(apply->worker_name));
        applied.push_back(std::move(*apply));
      } else if (auto* snapshot = std::get_if<ApplySnapshot>(&action)) {
        REQUIRE(ViewTree(AsBytes(snapshot->body)).ok());
        Merge(*snapshot);
      } else if (auto* gone = std::get_if<ForgetTenant>(&action)) {
        tree_.RemoveWorker(Intern(gone->worker_name));
        ++forgotten;
      } else if (auto* send = std::get_if<SendFrame>(&action)) {
        frames.push_back(std::move(send->frame));
        if (send->token != 0) strategy_->OnSendResult(Now(), send->peer, send->token, outcome, actions_);
      } else if (auto* refusal = std::get_if<RefuseFrame>(&action)) {
        refused.push_back(*refusal);
      } else if (std::holds_alternative<CloseStream>(action)) {
        ++closed;
      }
    }
    actions_.clear();
    return frames;
  }

  TextTree tree_;
  std::map<std::string, WorkerIndex> workers_;
  std::vector<std::string> names_;
  Actions actions_;
  Time now_{0};
  std::unique_ptr<SyncStrategy> strategy_;  // last: it reads the rest through the view
};

// One value of a frame.
struct Value {
  std::string key, tag, config;
  std::uint64_t label = 0;  // the entry's version
  std::uint64_t envelope_version = 0;
};

inline std::vector<Value> ValuesOf(const std::string& frame) {
  const Result<StoreFrame> decoded = DecodeStoreFrame(AsBytes(frame));
  REQUIRE(decoded.ok());
  std::vector<Value> values;
  for (const StoreEntryView& entry : decoded->entries) {
    const PolicyStateView envelope = *DecodePolicyState(entry.value);
    values.push_back({std::string(entry.key), std::string(envelope.policy_type), std::string(AsText(envelope.config)),
                      entry.version, envelope.version});
  }
  return values;
}

// The only value of the only frame.
inline Value OnlyValue(const std::vector<std::string>& frames) {
  REQUIRE(frames.size() == 1);
  std::vector<Value> values = ValuesOf(frames[0]);
  REQUIRE(values.size() == 1);
  return values[0];
}

// A peer's frame with one value of the model "m".
inline std::string FrameWith(std::string_view tag, std::string config, std::uint64_t version,
                             const std::string& key = "tree:m") {
  const StoreEntry entry{
      .key = key,
      .value = Encode(PolicyState{"m", std::string(tag), std::move(config), version}),
      .version = version,
      .actor = "b",
  };
  return EncodeBatch(Store::kPolicy, {&entry, 1});
}

// A good frame cut or with one bit changed either applies as a whole or changes nothing and is counted once.
// `fresh` makes a node in the state to hold on to, `state` says what of it must not move.
template <typename Fresh, typename State>
void CheckDamagedFrames(const std::string& good, Fresh&& fresh, State&& state) {
  prefixmesh::test::ForAll("cut or flipped frames", [&] {
    auto node = fresh();
    std::string frame = good;
    const bool cut = *rc::gen::arbitrary<bool>();
    if (cut) {
      frame.resize(*rc::gen::inRange<std::size_t>(0, frame.size()));
    } else {
      const auto at = *rc::gen::inRange<std::size_t>(0, frame.size());
      frame[at] = static_cast<char>(frame[at] ^ (1 << *rc::gen::inRange(0, 8)));
    }
    const auto before = state(*node);
    node->Receive(frame);
    RC_ASSERT(!cut || node->decode_errors() == 1u);
    if (node->decode_errors() > 0) {
      RC_ASSERT(node->decode_errors() == 1u);
      RC_ASSERT(node->records().received == 0u);
      RC_ASSERT(state(*node) == before);
    }
  });
}

}  // namespace prefixmesh::generations::test
