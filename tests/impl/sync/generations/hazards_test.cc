// Goal: each hazard is there as history had it, and gone when it is mended. Method: one case for each id; the same
// steps with the hazard and without, on the strategies in which its code differs.
#include "impl/sync/generations/hazards.h"

#include "impl/sync/generations/checkpoint/checkpoint.h"
#include "impl/sync/generations/crdt_ops/crdt_ops.h"
#include "impl/sync/generations/full_snapshot/full_snapshot.h"
#include "impl/sync/generations/raw_ops/raw_ops.h"
#include "impl/sync/generations/snapshot_ops/snapshot_ops.h"
#include "impl/sync/generations/tenant_deltas/path_deltas.h"
#include "impl/sync/generations/tenant_deltas/tenant_deltas.h"
#include "impl/wire/lz4_body.h"
#include "impl/wire/tree_snapshot.h"
#include "tests/impl/sync/generations/generation_node.h"

namespace prefixmesh::generations {
namespace {

using namespace test;

using NodePtr = std::unique_ptr<GenerationNode>;

NodePtr Crdt(CrdtOpsPoint point, HazardSet mended, const std::string& name = "a", PendingOptions pending = {}) {
  const CrdtOpsOptions options{.point = point, .self_name = name, .pending = pending, .mended = mended};
  return std::make_unique<GenerationNode>([&](const StrategyView&) { return std::make_unique<CrdtOps>(options); });
}
NodePtr Raw(HazardSet mended, const std::string& name = "a", RawOpsOptions options = {}) {
  options.self_name = name;
  options.mended = mended;
  return std::make_unique<GenerationNode>([&](const StrategyView&) { return std::make_unique<RawOps>(options); });
}
NodePtr Snapshots(HazardSet mended, const std::string& name = "a", SnapshotOpsOptions options = {}) {
  options.self_name = name;
  options.mended = mended;
  return std::make_unique<GenerationNode>([&](const StrategyView&) { return std::make_unique<SnapshotOps>(options); });
}
NodePtr Full(FullSnapshotForm form, HazardSet mended, const std::string& name = "a") {
  const FullSnapshotOptions options{.form = form, .self_name = name, .mended = mended};
  return std::make_unique<GenerationNode>(
      [&](const StrategyView& view) { return std::make_unique<FullSnapshot>(options, view); });
}
NodePtr Exports(CheckpointForm form, HazardSet mended, const std::string& name = "a") {
  const CheckpointOptions options{.form = form, .self_name = name, .mended = mended};
  return std::make_unique<GenerationNode>(
      [&](const StrategyView& view) { return std::make_unique<CheckpointSync>(options, view); });
}
NodePtr Tenants(HazardSet mended, TenantDeltaDraft draft = TenantDeltaDraft::kMerged, const std::string& name = "a") {
  const TenantDeltasOptions options{.draft = draft, .self_name = name, .mended = mended};
  return std::make_unique<GenerationNode>(
      [&](const StrategyView& view) { return std::make_unique<TenantDeltas>(options, view); });
}
NodePtr Paths(HazardSet mended) {
  const PathDeltasOptions options{.self_name = "a", .mended = mended};
  return std::make_unique<GenerationNode>([&](const StrategyView&) { return std::make_unique<PathDeltas>(options); });
}

constexpr SnapshotOpsOptions Capped() { return {.delta_operations_max = kDeltaOperationsMax}; }

// The same steps, as history had them and mended.
template <typename Steps>
void BothWays(Hazard hazard, Steps&& steps) {
  for (const bool mended : {false, true}) {
    INFO(IdOf(hazard) << (mended ? " mended" : ""));
    steps(mended ? HazardSet{hazard} : HazardSet{}, mended);
  }
}

TreeStateDelta DeltaOf(const Value& value) {
  REQUIRE(value.tag == kTreeStateDeltaTag);
  return *DecodeTreeStateDelta(AsBytes(value.config));
}

std::vector<TreeOperation> Remote(int first, int count) {
  std::vector<TreeOperation> operations;
  for (int i = first; i < first + count; ++i)
    operations.push_back({.prompt = "remote " + std::to_string(i), .tenant = "w9"});
  return operations;
}
std::string RemoteDelta(std::uint64_t base, std::vector<TreeOperation> operations) {
  const std::uint64_t version = base + operations.size();
  return FrameWith(kTreeStateDeltaTag, Encode(TreeStateDelta{"m", std::move(operations), base, version}), version);
}

TEST_CASE("Hazards: ids are read with commas or plus signs, and refused in one line") {
  REQUIRE(*ParseHazards("") == HazardSet());
  REQUIRE(*ParseHazards("H1,H14") == HazardSet{Hazard::kMarkedUnheard, Hazard::kOperationCap});
  REQUIRE(*ParseHazards("H6+H6") == HazardSet{Hazard::kEcho});
  for (const char* bad : {"H0", "H15", "h1", "H1,", ",H1", "H1 ", "echo", "H01", ","}) {
    INFO(bad);
    REQUIRE_FALSE(ParseHazards(bad).ok());
    REQUIRE(ParseHazards(bad).error().message.find('\n') == std::string::npos);
  }
}

TEST_CASE("Hazard H1: what was queued and lost with its stream had been marked and trimmed; mended, it is kept") {
  BothWays(Hazard::kMarkedUnheard, [](HazardSet set, bool mended) {
    auto node = Raw(set, "a", {.store = {.mark_trim_above = 40}});
    node->Up(StreamRole::kDialer);
    node->PlaceMany(0, 50);
    REQUIRE(node->Tick().size() == 1);  // queued, and the stream breaks
    REQUIRE(node->records().sent == (mended ? 0 : 50));
    node->Up(StreamRole::kDialer);
    const auto again = node->Tick();
    auto peer = Raw(set, "b");
    peer->Up(StreamRole::kServer);
    const auto answer = peer->Receive(again.at(0));
    REQUIRE(peer->HeldOf(0, 50) == (mended ? 50 : 25));
    REQUIRE(answer.size() == (mended ? 1 : 0));
    if (!mended) return;
    node->PlaceMany(50, 1);
    REQUIRE(node->Tick().empty());  // one collection under way
    node->ReceiveAll(answer);
    REQUIRE(node->records().sent == 50);
    REQUIRE(DeltaOf(OnlyValue(node->Tick())).operations.size() == 1);
  });
}

TEST_CASE("Hazard H1: records that were taken out for a stream are gone with it; mended, they go out again") {
  BothWays(Hazard::kMarkedUnheard, [](HazardSet set, bool mended) {
    auto node = Tenants(set);
    node->Up(StreamRole::kDialer);
    node->PlaceMany(0, 3);
    const std::uint64_t bytes = node->buffer("tenant_deltas").bytes;
    REQUIRE(node->Tick(kFirst, SendOutcome::kFull).size() == 1);
    REQUIRE(node->Tick().size() == (mended ? 1 : 0));
    REQUIRE((node->buffer("tenant_deltas").bytes > 0) == mended);
    node->Up(StreamRole::kDialer);
    node->PlaceMany(3, 1);
    const auto frames = node->Tick();
    REQUIRE(DecodeTenantDelta(AsBytes(OnlyValue(frames).config))->inserts.size() == (mended ? 4 : 1));
    if (!mended) return;
    REQUIRE(node->buffer("tenant_deltas").bytes >= bytes);
    auto peer = Tenants(set);
    peer->Up(StreamRole::kServer);
    node->ReceiveAll(peer->Receive(frames.at(0)));
    REQUIRE(node->buffer("tenant_deltas").bytes == 0);
    REQUIRE(node->records().sent == 4);
    REQUIRE(node->Tick().empty());
  });
}

TEST_CASE("Hazard H1: an acknowledgement is no frame of history, and one too many marks nothing") {
  BothWays(Hazard::kMarkedUnheard, [](HazardSet set, bool mended) {
    auto node = Raw(set);
    node->Up(StreamRole::kDialer);
    node->Receive(EncodeAcknowledgement(Store::kPolicy));
    REQUIRE(node->decode_errors() == (mended ? 0 : 1));
    node->PlaceMany(0, 1);
    REQUIRE(node->Tick().size() == 1);
  });
}

TEST_CASE("Hazard H2: a dialer builds and refuses for ever what a serving end drops; mended, both drop it") {
  BothWays(Hazard::kRoleDecides, [](HazardSet set, bool mended) {
    for (const StreamRole role : {StreamRole::kDialer, StreamRole::kServer}) {
      auto node = Snapshots(set, "a", {.batch_bytes_max = 10'000});
      node->Up(role);
      node->PlaceMany(0, 50, 800);
      REQUIRE(node->Tick().empty());
      REQUIRE(node->refused.size() == 1);
      REQUIRE(node->Tick().empty());
      REQUIRE(node->refused.size() == (role == StreamRole::kDialer && !mended ? 1 : 0));
    }
  });
}

TEST_CASE("Hazard H3: a dialer that has nothing does not ask for a snapshot; mended, it does") {
  BothWays(Hazard::kOneSidedBootstrap, [](HazardSet set, bool mended) {
    auto full = Raw(set, "b");
    full->PlaceMany(0, 5);
    full->Rounds(10);
    auto joiner = Raw(set);
    joiner->Up(StreamRole::kDialer);
    REQUIRE(joiner->control.size() == (mended ? 1 : 0));
    for (const std::string& request : joiner->control) joiner->ReceiveAll(full->Receive(request));
    REQUIRE(joiner->HeldOf(0, 5) == (mended ? 5 : 0));
    joiner->Up(StreamRole::kDialer);
    REQUIRE(joiner->control.empty());
  });
}

TEST_CASE("Hazard H4: of two writers at one version neither hears the other; mended, both have all") {
  const std::pair<const char*, std::function<NodePtr(HazardSet, const char*)>> makers[] = {
      {"crdt-ops/a", [](HazardSet set, const char* name) { return Crdt(CrdtOpsPoint::k655, set, name); }},
      {"crdt-ops", [](HazardSet set, const char* name) { return Crdt(CrdtOpsPoint::k825, set, name); }},
      {"crdt-ops/b", [](HazardSet set, const char* name) { return Crdt(CrdtOpsPoint::k899, set, name); }},
      {"crdt-ops/c", [](HazardSet set, const char* name) { return Crdt(CrdtOpsPoint::k919, set, name); }},
      {"raw-ops", [](HazardSet set, const char* name) { return Raw(set, name); }},
      {"snapshot-ops", [](HazardSet set, const char* name) { return Snapshots(set, name); }},
      {"capped-ops", [](HazardSet set, const char* name) { return Snapshots(set, name, Capped()); }},
      {"full-snapshot", [](HazardSet set, const char* name) { return Full(FullSnapshotForm::kLive, set, name); }},
      {"full-snapshot/b", [](HazardSet set, const char* name) { return Full(FullSnapshotForm::kStored, set, name); }},
      {"checkpoint/a", [](HazardSet set, const char* name) { return Full(FullSnapshotForm::kCheckpoint, set, name); }},
      {"checkpoint/b", [](HazardSet set, const char* name) { return Exports(CheckpointForm::kB, set, name); }},
  };
  for (const auto& [strategy, make] : makers) {
    INFO(strategy);
    BothWays(Hazard::kScalarVersion, [&make = make](HazardSet set, bool mended) {
      auto a = make(set, "a"), b = make(set, "b");
      // Both serve, so that before #899 both ends tell their trees.
      a->Up(StreamRole::kServer);
      b->Up(StreamRole::kServer);
      a->PlaceMany(0, 3);
      b->PlaceMany(100, 3);
      for (GenerationNode* node : {a.get(), b.get()}) node->Rounds(10);
      for (int second = 0; second < 3; ++second) {
        const auto from_a = a->Tick(), from_b = b->Tick();
        a->ReceiveAll(from_b);
        b->ReceiveAll(from_a);
      }
      REQUIRE(a->HeldOf(100, 3) == (mended ? 3 : 0));
      REQUIRE(b->HeldOf(0, 3) == (mended ? 3 : 0));
      REQUIRE(a->HeldOf(0, 3) == 3);
      REQUIRE(a->decode_errors() + b->decode_errors() == 0);
    });
  }
}

TEST_CASE("Hazard H4: a peer's tree takes the place of an own export; mended, each writer's is kept for a joiner") {
  BothWays(Hazard::kScalarVersion, [](HazardSet set, bool mended) {
    auto a = Exports(CheckpointForm::kE, set, "a"), b = Exports(CheckpointForm::kE, set, "b"),
         joiner = Exports(CheckpointForm::kE, set, "c");
    a->Up(StreamRole::kDialer);
    b->Up(StreamRole::kServer);
    a->PlaceMany(0, 30);
    b->PlaceMany(100, 40);
    a->Rounds(10);
    b->Rounds(10);
    a->ReceiveAll(b->Tick());
    joiner->Up(StreamRole::kServer);
    joiner->ReceiveAll(a->Receive(joiner->control.at(0)));
    REQUIRE(joiner->HeldOf(100, 40) == 40);
    REQUIRE(joiner->HeldOf(0, 30) == (mended ? 30 : 0));
  });
}

TEST_CASE(
    "Hazard H4: of two writers' hashes at one version neither is looked at; mended, each writer's version counts") {
  BothWays(Hazard::kScalarVersion, [](HazardSet set, bool mended) {
    auto a = Tenants(set, TenantDeltaDraft::kD6, "a"), b = Tenants(set, TenantDeltaDraft::kD6, "b");
    a->Up(StreamRole::kDialer);
    b->Up(StreamRole::kServer);
    a->PlaceMany(0, 5);
    b->PlaceMany(0, 5);
    b->ReceiveAll(a->Tick());
    REQUIRE(b->records().stale == (mended ? 0 : 5));
    REQUIRE(b->records().applied == (mended ? 5 : 0));
  });
}

TEST_CASE("Hazard H4: mended, an entry whose key is no writer's of its model is refused") {
  auto node = Raw({Hazard::kScalarVersion});
  const std::string state = Encode(TreeState{"m", Remote(0, 1), 1});
  for (const char* key : {"tree:m", "tree@b", "tree@b=n", "", "tree@=m2"}) {
    node->Receive(FrameWith(kTreeStateTag, state, 1, key));
    REQUIRE(node->applied.empty());
  }
  REQUIRE(node->decode_errors() == 5);
  node->Receive(FrameWith(kTreeStateTag, state, 1, "tree@b=m"));
  REQUIRE(node->applied.size() == 1);
}

TEST_CASE("Hazard H5: what a peer sent makes a gap, or sends again what was sent; mended, what is unsent goes out") {
  const std::pair<const char*, std::function<NodePtr(HazardSet)>> makers[] = {
      {"crdt-ops/b", [](HazardSet set) { return Crdt(CrdtOpsPoint::k899, set, "a", {.mark_trim_above = 6}); }},
      {"raw-ops", [](HazardSet set) { return Raw(set, "a", {.store = {.mark_trim_above = 6}}); }},
      {"snapshot-ops", [](HazardSet set) { return Snapshots(set, "a", {.pending = {.mark_trim_above = 6}}); }},
      {"capped-ops",
       [](HazardSet set) {
         return Snapshots(set, "a", {.delta_operations_max = kDeltaOperationsMax, .pending = {.mark_trim_above = 6}});
       }},
  };
  const TreeSnapshot tree{{{"", {{"w9", 0}}, 1}, {"remote", {{"w9", 1}}, 0}}};
  for (const auto& [strategy, make] : makers) {
    INFO(strategy);
    const std::string_view name = strategy;
    const auto remote = [&](std::uint64_t version) {
      return name == "crdt-ops/b" || name == "raw-ops"
                 ? FrameWith(kTreeStateTag, Encode(TreeState{"m", Remote(0, 4), version}), version)
                 : FrameWith(kTreeSnapshotTag, Encode(tree), version);
    };
    BothWays(Hazard::kRemoteMovesBase, [&, &make = make](HazardSet set, bool mended) {
      // T2: counter 12, watermark 9, eight pending, of which three are unsent; then a peer's tree arrives.
      for (const std::uint64_t version : {16u, 20u}) {
        auto node = make(set);
        node->Up(StreamRole::kDialer);
        node->PlaceMany(0, 9);
        REQUIRE(node->Tick().size() == 1);  // and trimmed to five
        node->PlaceMany(9, 3);
        node->Receive(remote(version));
        REQUIRE(static_cast<const PolicySync&>(node->strategy()).Version("tree:m") == version);
        const auto frames = node->Tick();
        if (mended) {
          const TreeStateDelta delta = DeltaOf(OnlyValue(frames));
          REQUIRE(delta.base_version == 9);
          REQUIRE(delta.new_version == version);
          REQUIRE(delta.operations.size() == 3);
          REQUIRE(delta.operations.front().prompt == GenerationNode::Numbered(9));
        } else if (version == 16) {
          REQUIRE(DeltaOf(OnlyValue(frames)).operations.size() == 7);  // base 8: four were sent before
        } else {
          // Base 12: a gap, though all three are here.
          REQUIRE((frames.empty() == (name == "capped-ops")));
          if (!frames.empty()) REQUIRE(OnlyValue(frames).tag != kTreeStateDeltaTag);
        }
      }
    });
  }
}

TEST_CASE("Hazard H6: what came from a peer goes back to it; mended, it counts as sent to it") {
  const TreeSnapshot tree{{{"", {{"w9", 0}}, 1}, {"remote", {{"w9", 1}}, 0}}};
  const std::string state = FrameWith(kTreeStateTag, Encode(TreeState{"m", Remote(0, 3), 3}), 3);
  const std::string snapshot = FrameWith(kTreeSnapshotTag, Encode(tree), 3);
  BothWays(Hazard::kEcho, [&](HazardSet set, bool mended) {
    const std::pair<NodePtr, std::string> nodes[] = {
        {Crdt(CrdtOpsPoint::k825, set), state},
        {Raw(set), state},
        {Snapshots(set), snapshot},
        {Snapshots(set, "a", Capped()), snapshot},
        {Full(FullSnapshotForm::kLive, set), snapshot},
        {Full(FullSnapshotForm::kCheckpoint, set), snapshot},
        {Exports(CheckpointForm::kE, set), state},
        {Paths(set), state},
        {Tenants(set, TenantDeltaDraft::kD6), state},
    };
    for (const auto& [node, frame] : nodes) {
      INFO(node->strategy().traits().name);
      node->Up(StreamRole::kServer, kFirst);
      node->Up(StreamRole::kServer, kSecond);
      node->Receive(frame, kFirst);
      REQUIRE(node->Tick(kFirst).size() == (mended ? 0 : 1));
      REQUIRE(node->Tick(kSecond).size() == 1);  // another peer gets it as before
    }
  });
  // What was placed here and not told yet goes out with it.
  auto node = Raw({Hazard::kEcho});
  node->Up(StreamRole::kServer);
  node->PlaceMany(0, 1);
  node->Receive(FrameWith(kTreeStateTag, Encode(TreeState{"m", Remote(0, 3), 3}), 3));
  REQUIRE(node->Tick().size() == 1);
}

TEST_CASE("Hazard H7: a fast stream's mark takes from a slow one; mended, the slow one still has its delta") {
  const auto check = [](const NodePtr& node, bool mended) {
    node->Up(StreamRole::kDialer, kFirst);
    node->Up(StreamRole::kDialer, kSecond);
    node->PlaceMany(0, 50);
    REQUIRE(DeltaOf(OnlyValue(node->Tick(kFirst))).operations.size() == 50);
    const auto slow = node->Tick(kSecond);
    if (mended) REQUIRE(DeltaOf(OnlyValue(slow)).operations.size() == 50);
    if (!mended) REQUIRE((slow.empty() || OnlyValue(slow).tag != kTreeStateDeltaTag));
    REQUIRE(node->buffer("pending").entries == 25);  // both had all: it is trimmed now
  };
  const PendingOptions pending{.mark_trim_above = 40};
  BothWays(Hazard::kSharedTrim, [&](HazardSet set, bool mended) {
    check(Crdt(CrdtOpsPoint::k899, set, "a", pending), mended);
    check(Raw(set, "a", {.store = pending}), mended);
    check(Snapshots(set, "a", {.pending = pending}), mended);
    check(Snapshots(set, "a", {.delta_operations_max = kDeltaOperationsMax, .pending = pending}), mended);
  });
}

TEST_CASE("Hazard H8: a placement during the rebuild undoes it; mended, it is kept and pending is emptied") {
  BothWays(Hazard::kLiveCommit, [](HazardSet set, bool mended) {
    auto node = Snapshots(set);
    auto& ops = dynamic_cast<SnapshotOps&>(node->strategy());
    for (int second = 0; second < 5; ++second) {
      node->PlaceMany(second * 100, 99);
      ops.BeginCheckpoint();
      Offer meanwhile = *node->Capture(GenerationNode::Numbered(second * 100 + 99));
      ops.EndCheckpoint();
      Actions none;
      ops.OnPlacement(Time(0), std::move(meanwhile), none);
    }
    REQUIRE(ops.attempts() == 5);
    REQUIRE(ops.commits() == (mended ? 5 : 1));
    REQUIRE(node->buffer("pending").entries == (mended ? 1 : 401));
    // A body that came meanwhile is newer than the rebuild, which is not kept then.
    if (!mended) return;
    ops.BeginCheckpoint();
    const TreeSnapshot tree{{{"", {{"w9", 0}}, 1}, {"remote", {{"w9", 1}}, 0}}};
    node->Receive(FrameWith(kTreeSnapshotTag, Encode(tree), 9'999));
    ops.EndCheckpoint();
    REQUIRE(ops.commits() == 5);
  });
}

TEST_CASE("Hazard H9: each delta is told to the tree with all that came before; mended, alone") {
  BothWays(Hazard::kWholeReplay, [](HazardSet set, bool mended) {
    for (NodePtr& node : std::array<NodePtr, 3>{Crdt(CrdtOpsPoint::k899, set), Raw(set), Paths(set)}) {
      INFO(node->strategy().traits().name);
      for (int i = 0; i < 10; ++i) node->Receive(RemoteDelta(static_cast<std::uint64_t>(i), Remote(i, 1)));
      REQUIRE(node->applied.size() == (mended ? 10 : 55));
      REQUIRE(node->records().applied == 10);
      // The list is the same either way.
      auto joiner = Raw({});
      joiner->ReceiveAll(node->Receive(EncodeSnapshotRequest(Store::kPolicy)));
      REQUIRE(joiner->applied.size() == 10);
    }
    for (NodePtr& node : std::array<NodePtr, 2>{Snapshots(set), Snapshots(set, "a", Capped())}) {
      for (int i = 0; i < 10; ++i) node->Receive(RemoteDelta(static_cast<std::uint64_t>(i), Remote(i, 1)));
      REQUIRE(node->merged == (mended ? 0 : 10));
      REQUIRE(node->applied.size() == (mended ? 10 : 0));
      for (int i = 0; i < 10; ++i) REQUIRE(node->Holds("remote " + std::to_string(i), "w9"));
      auto joiner = Snapshots({});
      joiner->ReceiveAll(node->Receive(EncodeSnapshotRequest(Store::kPolicy)));
      for (int i = 0; i < 10; ++i) REQUIRE(joiner->Holds("remote " + std::to_string(i), "w9"));
    }
  });
}

TEST_CASE("Hazard H10: one large tree holds back all others; mended, they go out") {
  BothWays(Hazard::kWholeStoreBatch, [](HazardSet set, bool mended) {
    for (const StreamRole role : {StreamRole::kDialer, StreamRole::kServer}) {
      auto node = Raw(set, "a", {.batch_bytes_max = 5'000});
      node->Up(role, kFirst);
      const TreeState large{"z", {{.prompt = std::string(6'000, 'l'), .tenant = "w9"}}, 1};
      const StoreEntry entry{.key = "tree:z",
                             .value = Encode(PolicyState{"z", "tree_state", Encode(large), 1}),
                             .version = 1,
                             .actor = "b"};
      node->Receive(EncodeBatch(Store::kPolicy, {&entry, 1}), kSecond);
      node->PlaceMany(0, 2);
      const auto frames = node->Tick(kFirst);
      REQUIRE(node->refused.size() == 1);
      REQUIRE(frames.size() == (mended ? 1 : 0));
      if (mended) REQUIRE(OnlyValue(frames).key == "tree:m");
      // The one that went out is marked, though the gate stays open for the other at a dialer.
      REQUIRE(node->Tick(kFirst).empty());
    }
  });
}

TEST_CASE("Hazard H11: keys and framing are not in the size test; mended, the whole frame is") {
  const auto frame_of = [](HazardSet set, std::uint64_t limit) {
    auto node = Raw(set, "a", {.batch_bytes_max = limit});
    node->Up(StreamRole::kDialer);
    node->PlaceMany(0, 1);
    return node->Tick();
  };
  const std::string frame = frame_of({}, 1'000).at(0);
  const std::uint64_t value_bytes = DecodeStoreFrame(AsBytes(frame))->entries.at(0).value.size();
  REQUIRE(value_bytes < frame.size());
  BothWays(Hazard::kValueBytes, [&](HazardSet set, bool mended) {
    REQUIRE(frame_of(set, value_bytes - 1).empty());
    REQUIRE(frame_of(set, value_bytes).size() == (mended ? 0 : 1));
    REQUIRE(frame_of(set, frame.size() - 1).size() == (mended ? 0 : 1));
    REQUIRE(frame_of(set, frame.size()).size() == 1);
  });
}

TEST_CASE("Hazard H12: an entry above the transport's limit ends the stream; mended, it comes in verified pieces") {
  BothWays(Hazard::kEntryChunks, [](HazardSet set, bool mended) {
    auto full = Raw(set, "b", {.batch_bytes_max = 1'000}), joiner = Raw(set);
    full->PlaceMany(0, 30, 50'000);
    full->Rounds(10);
    joiner->Up(StreamRole::kServer);
    const auto answer = full->Receive(joiner->control.at(0));
    REQUIRE(full->closed == (mended ? 0 : 1));
    REQUIRE(answer.size() == (mended ? 3 : 0));
    if (!mended) {
      // And what history sends is believed: a chunk of an attempt that says to have 1,000,000 is applied as it comes.
      const TreeState state{"m", Remote(0, 1), 1};
      const StoreEntry entry{.key = "tree:m",
                             .value = Encode(PolicyState{"m", "tree_state", Encode(state), 1}),
                             .version = 1,
                             .actor = "b"};
      joiner->Receive(EncodeSnapshotChunk(Store::kPolicy, 7, 1'000'000, {&entry, 1}));
      REQUIRE(joiner->applied.size() == 1);
      return;
    }
    for (const std::string& piece : answer) REQUIRE(piece.size() < full->strategy().traits().frame_bytes);
    // Damaged, out of order, or of more pieces than are ever sent: nothing is applied.
    const StoreFrame first = *DecodeStoreFrame(AsBytes(answer[0]));
    std::string damaged = answer[1];
    damaged.back() = static_cast<char>(damaged.back() ^ 1);
    joiner->ReceiveAll({answer[0], damaged, answer[2], answer[1], answer[2]});
    joiner->Receive(EncodeSnapshotPiece(Store::kPolicy, 0, 1'000'000, first.checksum, first.piece));
    REQUIRE(joiner->decode_errors() == 5);
    REQUIRE(joiner->applied.empty());
    joiner->ReceiveAll(answer);
    REQUIRE(joiner->HeldOf(0, 30, 50'000) == 30);
  });
}

TEST_CASE("Hazard H13: a removal in a list is dropped at the replay; mended, the worker leaves the tree") {
  const TreeOperation removal{.type = TreeOperation::Type::kRemove, .prompt = {}, .tenant = "w9"};
  BothWays(Hazard::kRemovalsDropped, [&](HazardSet set, bool mended) {
    for (NodePtr& node : std::array<NodePtr, 5>{Crdt(CrdtOpsPoint::k899, set), Raw(set), Snapshots(set),
                                                Snapshots(set | HazardSet{Hazard::kWholeReplay}), Paths(set)}) {
      INFO(node->strategy().traits().name);
      node->Receive(RemoteDelta(0, Remote(0, 2)));
      REQUIRE(node->Holds("remote 1", "w9"));
      std::vector<TreeOperation> operations = {removal, {.prompt = "afterwards", .tenant = "w9"}};
      node->Receive(RemoteDelta(2, operations));
      REQUIRE(node->Holds("remote 1", "w9") == !mended);
      REQUIRE(node->Holds("afterwards", "w9"));
      // The same for whoever gets it later.
      node->Rounds(60);
      const auto chunks = node->Receive(EncodeSnapshotRequest(Store::kPolicy));
      NodePtr joiner = Raw(set);
      if (OnlyValue(chunks).tag == kTreeSnapshotTag) joiner = Snapshots(set);
      joiner->ReceiveAll(chunks);
      REQUIRE(joiner->Holds("remote 1", "w9") == !mended);
      REQUIRE(joiner->Holds("afterwards", "w9"));
    }
  });
}

TEST_CASE("Hazard H14: a list forgets its older half beyond 2,048 operations; mended, it keeps all") {
  // As a snapshot of 3,000 leaves that is expanded to operations.
  TreeSnapshot wide{{{"", {{"w9", 0}}, 3'000}}};
  for (int i = 0; i < 3'000; ++i) {
    std::string edge = std::to_string(i);
    edge.insert(edge.begin(), 4 - edge.size(), '0');
    wide.nodes.push_back({edge, {{"w9", 1}}, 0});
  }
  const std::string compressed = FrameWith(kTreeStateLz4Tag, *CompressBody(AsBytes(Encode(wide))), 1);
  BothWays(Hazard::kOperationCap, [&](HazardSet set, bool mended) {
    auto raw = Raw(set);
    raw->PlaceMany(0, 2'049);
    raw->Rounds(10);
    auto joiner = Raw(set, "b");
    joiner->ReceiveAll(raw->Receive(EncodeSnapshotRequest(Store::kPolicy)));
    REQUIRE(joiner->HeldOf(0, 2'049) == (mended ? 2'049 : 1'024));

    auto crdt = Crdt(CrdtOpsPoint::k825, set);
    crdt->PlaceMany(0, 2'049);
    REQUIRE(crdt->as<CrdtOps>().ListOf("tree:m").operations.size() == (mended ? 2'049 : 1'024));

    for (NodePtr& node : std::array<NodePtr, 2>{Tenants(set), Exports(CheckpointForm::kE, set)}) {
      node->Receive(compressed);
      REQUIRE(node->records().applied == (mended ? 3'000 : 1'975));
      REQUIRE(node->Holds("0000", "w9") == mended);
      REQUIRE(node->Holds("2999", "w9"));
    }
  });
}

}  // namespace
}  // namespace prefixmesh::generations
