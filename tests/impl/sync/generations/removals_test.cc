// Goal: what a worker dropped is told as each generation had it in its formats: up to the sixth one operation for
// everything and nothing for a prefix, from the fourth draft of the seventh on an eviction for either. Method: by hand.
#include <array>

#include "impl/wire/json_ops.h"
#include "tests/impl/sync/generations/hazards_node.h"
#include "tests/impl/sync/generations/tenant_deltas_node.h"

namespace prefixmesh::generations {
namespace {

using namespace test;

NodePtr PathsOf(PathDeltaDraft draft) {
  const PathDeltasOptions options{.draft = draft, .self_name = "a"};
  return std::make_unique<GenerationNode>([&](const TextTreeView&) { return std::make_unique<PathDeltas>(options); });
}

std::vector<TreeOperation> OperationsOf(const Value& value) {
  if (value.tag == kTreeStateDeltaTag) return DecodeTreeStateDelta(AsBytes(value.config))->operations;
  REQUIRE(value.tag == kTreeStateTag);
  return DecodeTreeState(AsBytes(value.config))->operations;
}

const TreeOperation kRemoval{.type = TreeOperation::Type::kRemove, .prompt = {}, .tenant = "w"};

TEST_CASE("Removals: in a list everything is one operation, behind the placements that it follows; a prefix is none") {
  const std::vector<TreeOperation> told = {
      {.prompt = "one", .tenant = "w"}, kRemoval, {.prompt = "two", .tenant = "w"}};
  for (NodePtr& node :
       std::array<NodePtr, 6>{Crdt(CrdtOpsPoint::k825, {}), Crdt(CrdtOpsPoint::k899, {}), Crdt(CrdtOpsPoint::k919, {}),
                              Raw({}), Snapshots({}), Snapshots({}, "a", Capped())}) {
    INFO(node->strategy().traits().name);
    node->Up(StreamRole::kDialer);
    node->Place("one");
    node->Drop("w");
    node->Place("two");
    node->Drop("w", "tw");
    REQUIRE(OperationsOf(OnlyValue(node->Tick())) == told);
    REQUIRE(node->records().local == 2);
    node->Drop("w", "t");
    REQUIRE(node->Tick().empty());
    node->Drop("w");  // and nothing else
    REQUIRE(OperationsOf(OnlyValue(node->Tick())).back() == kRemoval);
  }
}

TEST_CASE("Removals: before #809 the operation is one of the JSON list") {
  auto node = Crdt(CrdtOpsPoint::k655, {});
  node->Up(StreamRole::kDialer);
  node->Place("one");
  node->Drop("w");
  const std::string value = node->as<CrdtOps>().log().Find("tree:m")->value;
  REQUIRE(DecodeJsonTreeState(AsBytes(DecodeJsonPolicyState(AsBytes(value))->config))->operations.back() == kRemoval);
}

TEST_CASE("Removals (H13): a peer keeps what the worker dropped; fixed, it has what was placed since alone") {
  BothWays(Hazard::kRemovalsDropped, [](HazardSet set, bool fixed) {
    for (const auto& make : std::array<std::function<NodePtr(const char*)>, 3>{
             [&](const char* name) { return Crdt(CrdtOpsPoint::k899, set, name); },
             [&](const char* name) { return Raw(set, name); },
             [&](const char* name) { return Snapshots(set, name); }}) {
      NodePtr a = make("a"), b = make("b");
      INFO(a->strategy().traits().name);
      a->Up(StreamRole::kDialer);
      b->Up(StreamRole::kServer);
      a->Place("one");
      b->ReceiveAll(a->Tick());
      REQUIRE(b->Holds("one"));
      a->Drop("w");
      a->Place("two");
      b->ReceiveAll(a->Tick());
      REQUIRE(b->Holds("one") == !fixed);
      REQUIRE(b->Holds("two"));
    }
  });
}

TEST_CASE("Removals: where trees are sent, one without the worker goes out, and a peer that merges it keeps all") {
  for (const FullSnapshotForm form : {FullSnapshotForm::kLive, FullSnapshotForm::kStored}) {
    NodePtr a = Full(form, {}), b = Full(form, {}, "b");
    INFO(a->strategy().traits().name);
    a->Up(StreamRole::kDialer);
    b->Up(StreamRole::kServer);
    a->Place("one");
    a->Place("another's", "w2");
    a->Rounds(10);
    b->ReceiveAll(a->Tick());
    REQUIRE(b->Holds("one"));
    a->Drop("w");
    a->Rounds(10);
    const std::vector<std::string> frames = a->Tick();
    const TreeSnapshot sent = *DecodeTreeSnapshot(AsBytes(OnlyValue(frames).config));
    for (const SnapshotNode& node : sent.nodes)
      for (const auto& [tenant, epoch] : node.tenants) REQUIRE(tenant == "w2");
    b->ReceiveAll(frames);
    REQUIRE(b->merged == 2);
    REQUIRE(b->Holds("one"));
  }
  for (const CheckpointForm form : {CheckpointForm::kB, CheckpointForm::kD, CheckpointForm::kE}) {
    NodePtr a = Exports(form, {});
    INFO(a->strategy().traits().name);
    a->Up(StreamRole::kDialer);
    a->Place("one");
    a->Rounds(10);
    REQUIRE(a->Tick().size() == 1);
    REQUIRE(a->Tick().empty());
    a->Drop("w");
    REQUIRE(a->Tick().size() == 1);  // the same body: the counter moved
  }
}

TEST_CASE("Removals: the seventh sends hash 0 for everything, and for a prefix its hash, which a peer ignores (W12)") {
  for (const TenantDeltaDraft draft : {TenantDeltaDraft::kMerged, TenantDeltaDraft::kD8}) {
    auto a = MakeNode(Draft(draft)), b = MakeNode(Draft(draft));
    INFO(a->strategy().traits().name);
    a->Up(StreamRole::kDialer);
    b->Up(StreamRole::kServer);
    b->Place("one", "w");
    b->Place("one", "w2");
    for (int i = 0; i < 3; ++i) a->Place("one", "w2");  // so that a draft takes what it sends
    a->Drop("w2", "on");
    const std::vector<std::string> prefix = a->Tick();
    REQUIRE(DeltaOf(prefix).evictions == std::vector<TenantEviction>{{Hash("on"), "w2"}});
    REQUIRE(a->records().sent == 4);
    b->ReceiveAll(prefix);
    REQUIRE(b->Holds("one", "w2"));

    a->Drop("w");
    const std::vector<std::string> all = a->Tick();
    REQUIRE(DeltaOf(all).inserts.empty());
    REQUIRE(DeltaOf(all).evictions == std::vector<TenantEviction>{{0, "w"}});
    b->ReceiveAll(all);
    REQUIRE(b->forgotten == 1);
    REQUIRE(b->Depth("one", "w") == 0);
    REQUIRE(b->Holds("one", "w2"));
    REQUIRE(a->buffer("tenant_deltas").bytes == 0);
  }
}

TEST_CASE("Removals (W11): what the seventh placed in the same second after a removal of everything goes with it") {
  auto a = MakeNode(), b = MakeNode();
  a->Up(StreamRole::kDialer);
  b->Up(StreamRole::kServer);
  for (int i = 0; i < 2; ++i) b->Place("prompt", "w2");  // so that its hash resolves
  a->Drop("w");
  a->Place("prompt", "w");
  b->ReceiveAll(a->Tick());
  REQUIRE(b->applied.size() == 1);
  REQUIRE(b->Depth("prompt", "w") == 0);
}

TEST_CASE("Removals (H1): an eviction that finds the queue full is gone; fixed, it comes again") {
  BothWays(Hazard::kMarkedUnheard, [](HazardSet set, bool fixed) {
    NodePtr node = Tenants(set);
    node->Up(StreamRole::kDialer);
    node->Place("one");
    node->Drop("w");
    REQUIRE(node->Tick(kFirst, SendOutcome::kFull).size() == 1);
    node->Drop("w2");
    REQUIRE(node->buffer("tenant_deltas").entries == (fixed ? 3 : 1));
    const std::vector<std::string> frames = node->Tick();
    const std::vector<TenantEviction> second = {{0, "w2"}}, both = {{0, "w"}, {0, "w2"}};
    REQUIRE(DeltaOf(frames).evictions == (fixed ? both : second));
    if (fixed) node->Receive(EncodeAcknowledgement(Store::kPolicy));
    REQUIRE(node->buffer("tenant_deltas").entries == 0);
    REQUIRE(node->buffer("tenant_deltas").bytes == 0);
  });
}

TEST_CASE("Removals: draft d4 evicts by path, of everything with an empty one; before it only pending has a removal") {
  for (const PathDeltaDraft draft : {PathDeltaDraft::kD1, PathDeltaDraft::kD3, PathDeltaDraft::kD4}) {
    NodePtr node = PathsOf(draft), peer = PathsOf(draft);
    INFO(node->strategy().traits().name);
    const bool evicts = draft == PathDeltaDraft::kD4;
    node->Up(StreamRole::kDialer, kFirst);
    node->Up(StreamRole::kDialer, kSecond);
    peer->Place("one");
    node->Place("one");
    node->Drop("w", "on");
    node->Drop("w");
    REQUIRE(node->buffer("tenant_deltas").entries == (evicts ? 3 : 1));
    const std::vector<std::string> frames = node->Tick(kFirst);
    const PathDelta delta = *DecodePathDelta(AsBytes(OnlyValue(frames).config));
    const std::vector<PathEviction> both = {{"on", "w"}, {"", "w"}};
    REQUIRE(delta.evictions == (evicts ? both : std::vector<PathEviction>()));
    peer->ReceiveAll(frames);
    REQUIRE(peer->Holds("one") == !evicts);
    // Another stream gets operations.
    REQUIRE(OperationsOf(OnlyValue(node->Tick(kSecond))) ==
            std::vector<TreeOperation>{{.prompt = "one", .tenant = "w"}, kRemoval});
    REQUIRE(node->buffer("tenant_deltas").bytes == 0);
  }
}

}  // namespace
}  // namespace prefixmesh::generations
