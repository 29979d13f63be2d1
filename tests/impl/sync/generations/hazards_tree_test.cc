// Goal: each hazard of what is kept of a tree (H4 to H9, H13, H14) is there as history had it, and gone when it is
// fixed. Method: the same steps with the hazard and without, on the strategies in which its code differs.
#include <array>

#include "impl/wire/lz4_body.h"
#include "impl/wire/tree_snapshot.h"
#include "tests/impl/sync/generations/hazards_node.h"

namespace prefixmesh::generations {
namespace {

using namespace test;

TEST_CASE("Hazard H4: of two writers at one version neither hears the other; fixed, both have all") {
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
    BothWays(Hazard::kScalarVersion, [&make = make](HazardSet set, bool fixed) {
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
      REQUIRE(a->HeldOf(100, 3) == (fixed ? 3 : 0));
      REQUIRE(b->HeldOf(0, 3) == (fixed ? 3 : 0));
      REQUIRE(a->HeldOf(0, 3) == 3);
      REQUIRE(a->decode_errors() + b->decode_errors() == 0);
    });
  }
}

TEST_CASE("Hazard H4: a peer's tree takes the place of an own export; fixed, each writer's is kept for a joiner") {
  BothWays(Hazard::kScalarVersion, [](HazardSet set, bool fixed) {
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
    REQUIRE(joiner->HeldOf(0, 30) == (fixed ? 30 : 0));
  });
}

TEST_CASE(
    "Hazard H4: of two writers' hashes at one version neither is looked at; fixed, each writer's version counts") {
  BothWays(Hazard::kScalarVersion, [](HazardSet set, bool fixed) {
    auto a = Tenants(set, TenantDeltaDraft::kD6, "a"), b = Tenants(set, TenantDeltaDraft::kD6, "b");
    a->Up(StreamRole::kDialer);
    b->Up(StreamRole::kServer);
    a->PlaceMany(0, 5);
    b->PlaceMany(0, 5);
    b->ReceiveAll(a->Tick());
    REQUIRE(b->records().stale == (fixed ? 0 : 5));
    REQUIRE(b->records().applied == (fixed ? 5 : 0));
  });
}

TEST_CASE("Hazard H4: fixed, an entry whose key is no writer's of its model is refused") {
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

TEST_CASE("Hazard H5: what a peer sent makes a gap, or sends again what was sent; fixed, what is unsent goes out") {
  const std::pair<const char*, std::function<NodePtr(HazardSet)>> makers[] = {
      {"crdt-ops/b", [](HazardSet set) { return Crdt(CrdtOpsPoint::k899, set, "a", {.mark_trim_operations = 6}); }},
      {"raw-ops", [](HazardSet set) { return Raw(set, "a", {.constants = {.mark_trim_operations = 6}}); }},
      {"snapshot-ops", [](HazardSet set) { return Snapshots(set, "a", {.constants = {.mark_trim_operations = 6}}); }},
      {"capped-ops",
       [](HazardSet set) { return Snapshots(set, "a", {.constants = {.mark_trim_operations = 6}, .capped = true}); }},
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
    BothWays(Hazard::kRemoteMovesBase, [&, &make = make](HazardSet set, bool fixed) {
      // T2: counter 12, watermark 9, eight pending, of which three are unsent; then a peer's tree arrives.
      for (const std::uint64_t version : {16u, 20u}) {
        auto node = make(set);
        node->Up(StreamRole::kDialer);
        node->PlaceMany(0, 9);
        REQUIRE(node->Tick().size() == 1);  // and trimmed to five
        node->PlaceMany(9, 3);
        node->Receive(remote(version));
        REQUIRE(node->as<Driven>().Version("tree:m") == version);
        const auto frames = node->Tick();
        if (fixed) {
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

TEST_CASE("Hazard H6: what came from a peer goes back to it; fixed, it counts as sent to it") {
  const TreeSnapshot tree{{{"", {{"w9", 0}}, 1}, {"remote", {{"w9", 1}}, 0}}};
  const std::string state = FrameWith(kTreeStateTag, Encode(TreeState{"m", Remote(0, 3), 3}), 3);
  const std::string snapshot = FrameWith(kTreeSnapshotTag, Encode(tree), 3);
  BothWays(Hazard::kEcho, [&](HazardSet set, bool fixed) {
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
      REQUIRE(node->Tick(kFirst).size() == (fixed ? 0 : 1));
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

TEST_CASE("Hazard H7: a fast stream's mark takes from a slow one; fixed, the slow one still has its delta") {
  const auto check = [](const NodePtr& node, bool fixed) {
    node->Up(StreamRole::kDialer, kFirst);
    node->Up(StreamRole::kDialer, kSecond);
    node->PlaceMany(0, 50);
    REQUIRE(DeltaOf(OnlyValue(node->Tick(kFirst))).operations.size() == 50);
    const auto slow = node->Tick(kSecond);
    if (fixed) REQUIRE(DeltaOf(OnlyValue(slow)).operations.size() == 50);
    if (!fixed) REQUIRE((slow.empty() || OnlyValue(slow).tag != kTreeStateDeltaTag));
    REQUIRE(node->buffer("pending").entries == 25);  // both had all: it is trimmed now
  };
  const Constants constants{.mark_trim_operations = 40};
  BothWays(Hazard::kSharedTrim, [&](HazardSet set, bool fixed) {
    check(Crdt(CrdtOpsPoint::k899, set, "a", constants), fixed);
    check(Raw(set, "a", {.constants = constants}), fixed);
    check(Snapshots(set, "a", {.constants = constants}), fixed);
    check(Snapshots(set, "a", {.constants = constants, .capped = true}), fixed);
  });
}

TEST_CASE("Hazard H8: a placement during the rebuild undoes it; fixed, it is kept and pending is emptied") {
  BothWays(Hazard::kLiveCommit, [](HazardSet set, bool fixed) {
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
    REQUIRE(ops.commits() == (fixed ? 5 : 1));
    REQUIRE(node->buffer("pending").entries == (fixed ? 1 : 401));
    // A body that came meanwhile is newer than the rebuild, which is not kept then.
    if (!fixed) return;
    ops.BeginCheckpoint();
    const TreeSnapshot tree{{{"", {{"w9", 0}}, 1}, {"remote", {{"w9", 1}}, 0}}};
    node->Receive(FrameWith(kTreeSnapshotTag, Encode(tree), 9'999));
    ops.EndCheckpoint();
    REQUIRE(ops.commits() == 5);
  });
}

TEST_CASE("Hazard H9: each delta is told to the tree with all that came before; fixed, alone") {
  BothWays(Hazard::kWholeReplay, [](HazardSet set, bool fixed) {
    for (NodePtr& node : std::array<NodePtr, 3>{Crdt(CrdtOpsPoint::k899, set), Raw(set), Paths(set)}) {
      INFO(node->strategy().traits().name);
      for (int i = 0; i < 10; ++i) node->Receive(RemoteDelta(static_cast<std::uint64_t>(i), Remote(i, 1)));
      REQUIRE(node->applied.size() == (fixed ? 10 : 55));
      REQUIRE(node->records().applied == 10);
      // The list is the same either way.
      auto joiner = Raw({});
      joiner->ReceiveAll(node->Receive(EncodeSnapshotRequest(Store::kPolicy)));
      REQUIRE(joiner->applied.size() == 10);
    }
    for (NodePtr& node : std::array<NodePtr, 2>{Snapshots(set), Snapshots(set, "a", Capped())}) {
      for (int i = 0; i < 10; ++i) node->Receive(RemoteDelta(static_cast<std::uint64_t>(i), Remote(i, 1)));
      REQUIRE(node->merged == (fixed ? 0 : 10));
      REQUIRE(node->applied.size() == (fixed ? 10 : 0));
      for (int i = 0; i < 10; ++i) REQUIRE(node->Holds("remote " + std::to_string(i), "w9"));
      auto joiner = Snapshots({});
      joiner->ReceiveAll(node->Receive(EncodeSnapshotRequest(Store::kPolicy)));
      for (int i = 0; i < 10; ++i) REQUIRE(joiner->Holds("remote " + std::to_string(i), "w9"));
    }
  });
}

TEST_CASE("Hazard H9: fixed, a tree that a peer sends takes the place of what was not in the body yet") {
  const TreeSnapshot tree{{{"", {{"w9", 0}}, 1}, {"remote", {{"w9", 1}}, 0}}};
  auto node = Snapshots({Hazard::kWholeReplay, Hazard::kRemovalsDropped});
  node->Receive(RemoteDelta(0, Remote(0, 1)));
  node->Receive(RemoteDelta(1, {{.type = TreeOperation::Type::kRemove, .prompt = {}, .tenant = "w9"}}));
  node->Receive(FrameWith(kTreeSnapshotTag, Encode(tree), 3));
  auto joiner = Snapshots({});
  joiner->ReceiveAll(node->Receive(EncodeSnapshotRequest(Store::kPolicy)));
  REQUIRE(joiner->Holds("remote", "w9"));
}

TEST_CASE("Hazard H13: a removal in a list is dropped at the replay; fixed, the worker leaves the tree") {
  const TreeOperation removal{.type = TreeOperation::Type::kRemove, .prompt = {}, .tenant = "w9"};
  BothWays(Hazard::kRemovalsDropped, [&](HazardSet set, bool fixed) {
    for (NodePtr& node : std::array<NodePtr, 5>{Crdt(CrdtOpsPoint::k899, set), Raw(set), Snapshots(set),
                                                Snapshots(set | HazardSet{Hazard::kWholeReplay}), Paths(set)}) {
      INFO(node->strategy().traits().name);
      node->Receive(RemoteDelta(0, Remote(0, 2)));
      REQUIRE(node->Holds("remote 1", "w9"));
      std::vector<TreeOperation> operations = {removal, {.prompt = "afterwards", .tenant = "w9"}};
      node->Receive(RemoteDelta(2, operations));
      REQUIRE(node->Holds("remote 1", "w9") == !fixed);
      REQUIRE(node->Holds("afterwards", "w9"));
      // The same for whoever gets it later.
      node->Rounds(60);
      const auto chunks = node->Receive(EncodeSnapshotRequest(Store::kPolicy));
      NodePtr joiner = Raw(set);
      if (OnlyValue(chunks).tag == kTreeSnapshotTag) joiner = Snapshots(set);
      joiner->ReceiveAll(chunks);
      REQUIRE(joiner->Holds("remote 1", "w9") == !fixed);
      REQUIRE(joiner->Holds("afterwards", "w9"));
    }
  });
}

TEST_CASE("Hazard H14: a list forgets its older half beyond 2,048 operations; fixed, it keeps all") {
  // As a snapshot of 3,000 leaves that is expanded to operations.
  TreeSnapshot wide{{{"", {{"w9", 0}}, 3'000}}};
  for (int i = 0; i < 3'000; ++i) {
    std::string edge = std::to_string(i);
    edge.insert(edge.begin(), 4 - edge.size(), '0');
    wide.nodes.push_back({edge, {{"w9", 1}}, 0});
  }
  const std::string compressed = FrameWith(kTreeStateLz4Tag, *CompressBody(AsBytes(Encode(wide))), 1);
  BothWays(Hazard::kOperationCap, [&](HazardSet set, bool fixed) {
    auto raw = Raw(set);
    raw->PlaceMany(0, 2'049);
    raw->Rounds(10);
    auto joiner = Raw(set, "b");
    joiner->ReceiveAll(raw->Receive(EncodeSnapshotRequest(Store::kPolicy)));
    REQUIRE(joiner->HeldOf(0, 2'049) == (fixed ? 2'049 : 1'024));

    auto crdt = Crdt(CrdtOpsPoint::k825, set);
    crdt->PlaceMany(0, 2'049);
    REQUIRE(crdt->as<CrdtOps>().ListOf("tree:m").operations.size() == (fixed ? 2'049 : 1'024));

    for (NodePtr& node : std::array<NodePtr, 2>{Tenants(set), Exports(CheckpointForm::kE, set)}) {
      node->Receive(compressed);
      REQUIRE(node->records().applied == (fixed ? 3'000 : 1'975));
      REQUIRE(node->Holds("0000", "w9") == fixed);
      REQUIRE(node->Holds("2999", "w9"));
    }
  });
}

}  // namespace
}  // namespace prefixmesh::generations
