// Goal: the third and the sixth generation behave as they did, hazards included. Method: micro-traces (T1–T5), rules
// and signatures of the specification, each driven by hand against a live text tree.
#include "impl/sync/generations/snapshot_ops/snapshot_ops.h"

#include "tests/impl/sync/generations/generation_node.h"
#include "tests/support/allocations.h"

namespace prefixmesh::generations {
namespace {

using namespace test;

constexpr const char* kKey = "tree:m";
// A scale of 1:100: prompts of 800 bytes stand for 80,000 chars, and this for 10 MiB.
constexpr std::uint64_t kSmallLimit = (10u << 20) / 100;

std::unique_ptr<GenerationNode> MakeNode(const SnapshotOpsOptions& options = {}) {
  return std::make_unique<GenerationNode>([&](const TextTreeView&) { return std::make_unique<SnapshotOps>(options); });
}
const SnapshotOpsOptions kCapped{.capped = true};
SnapshotOpsOptions Small(SnapshotOpsOptions options) {
  options.constants = {.batch_bytes = kSmallLimit};
  return options;
}
// The checkpoint runs on the mesh loop; here the test stands between its halves, as request threads do.
SnapshotOps& Ops(GenerationNode& node) { return dynamic_cast<SnapshotOps&>(node.strategy()); }

TreeStateDelta DeltaOf(const Value& value) {
  REQUIRE(value.tag == kTreeStateDeltaTag);
  return *DecodeTreeStateDelta(AsBytes(value.config));
}
TreeSnapshot SnapshotOf(const Value& value) {
  REQUIRE(value.tag == kTreeSnapshotTag);
  return *DecodeTreeSnapshot(AsBytes(value.config));
}

// Counter 12 with 5 pending; the stream ticks at these counters on the way.
std::unique_ptr<GenerationNode> ToTwelve(const SnapshotOpsOptions& options, std::initializer_list<int> marks) {
  auto node = MakeNode(options);
  node->Up(StreamRole::kDialer);
  for (int i = 1; i <= 12; ++i) {
    node->PlaceMany(i, 1);
    for (const int mark : marks) {
      if (i == mark) REQUIRE(node->Tick().size() == 1);
    }
    if (i == 7) node->Rounds(10);
  }
  REQUIRE(node->as<SnapshotOps>().Version(kKey) == 12);
  REQUIRE(node->as<SnapshotOps>().pending(kKey) == 5);
  return node;
}

TEST_CASE("SnapshotOps T1: a delta is the pending beyond the watermark; before it, the whole tree or nothing") {
  for (const SnapshotOpsOptions& options : {SnapshotOpsOptions(), kCapped}) {
    const TreeStateDelta delta = DeltaOf(OnlyValue(ToTwelve(options, {7, 9})->Tick()));
    REQUIRE(delta.base_version == 9);
    REQUIRE(delta.new_version == 12);
    REQUIRE(delta.operations.size() == 3);
  }
  auto node = ToTwelve({}, {6});
  const auto frames = node->Tick();
  const Value value = OnlyValue(frames);
  REQUIRE(value.label == 12);
  auto peer = MakeNode();
  peer->ReceiveAll(frames);
  REQUIRE(peer->HeldOf(1, 12) == 12);  // the body's seven and the five pending
  REQUIRE(ToTwelve(kCapped, {6})->Tick().empty());
}

TEST_CASE("SnapshotOps T2 (H5): what a peer sent moves the base past the watermark") {
  auto node = ToTwelve({}, {7, 9});
  TreeSnapshot snapshot{{{"", {{"w9", 0}}, 1}, {"remote", {{"w9", 1}}, 0}}};
  node->Receive(FrameWith(kTreeSnapshotTag, Encode(snapshot), 16));
  const Value value = OnlyValue(node->Tick());
  REQUIRE(value.tag == kTreeSnapshotTag);  // although all five are pending
  REQUIRE(value.label == 16);
}

TEST_CASE("SnapshotOps T3 (H2): a refused delta is trimmed by half at a dialer, and marked at a serving end") {
  for (const StreamRole role : {StreamRole::kDialer, StreamRole::kServer}) {
    auto node = MakeNode(Small({}));
    node->Up(role);
    node->PlaceMany(0, 100, 800);
    REQUIRE(node->Tick().size() == 1);
    node->Rounds(10);
    node->PlaceMany(100, 400, 800);
    if (role == StreamRole::kServer) {
      REQUIRE(node->Tick().empty());
      REQUIRE(node->refused.size() == 1);
      node->PlaceMany(500, 1);
      REQUIRE(DeltaOf(OnlyValue(node->Tick())).operations.size() == 1);
      continue;
    }
    // Half is gone, so the next second finds a gap: the whole tree, which is too big as well; and so on until 100.
    for (const std::size_t left : {200u, 100u, 100u, 100u}) {
      REQUIRE(node->Tick().empty());
      REQUIRE(node->refused.size() == 1);
      REQUIRE(node->as<SnapshotOps>().pending(kKey) == left);
    }
  }
}

TEST_CASE("SnapshotOps T4 (H4): equal counters hide different contents") {
  auto a = MakeNode(), b = MakeNode();
  a->Up(StreamRole::kDialer);
  b->Up(StreamRole::kServer);
  a->PlaceMany(0, 3);
  b->PlaceMany(100, 3);
  const auto from_a = a->Tick(), from_b = b->Tick();
  a->ReceiveAll(from_b);
  b->ReceiveAll(from_a);
  REQUIRE(a->records().stale == 3);
  REQUIRE(b->records().stale == 3);
  REQUIRE(a->Tick().empty());
  REQUIRE(b->Tick().empty());
}

// The specification's toy: one minute of regular placements and its five checkpoints, during which placements go on.
// Placements come at `phase` and then every 1 / rate. A round sleeps its second after its work, so each checkpoint
// begins as much later as the ones before it took: the k-th at 10 s · k + (k − 1) · rebuild.
std::unique_ptr<GenerationNode> Minute(int rate, Time rebuild, Time phase, HazardSet fixed = {}) {
  auto node = MakeNode({.fixed = fixed});
  const Time every = Time(std::chrono::seconds(1)) / rate;
  int next = 0;
  const auto at = [&] { return phase + next * every; };
  const auto place_until = [&](Time end) {
    for (; at() < end; ++next) node->Place(GenerationNode::Numbered(next));
  };
  for (int k = 1; k <= 5; ++k) {
    const Time begin = std::chrono::seconds(10) * k + (k - 1) * rebuild;
    place_until(begin);
    Ops(*node).BeginCheckpoint();
    std::vector<Offer> meanwhile;
    for (; at() < begin + rebuild; ++next) meanwhile.push_back(*node->Capture(GenerationNode::Numbered(next)));
    Ops(*node).EndCheckpoint();
    Actions none;
    for (Offer& offer : meanwhile) node->strategy().OnPlacement(Time(0), std::move(offer), none);
  }
  place_until(std::chrono::seconds(60));
  REQUIRE(node->as<SnapshotOps>().attempts() == 5);
  return node;
}

TEST_CASE("SnapshotOps T5 (H8): no placement falls into a short rebuild, and each checkpoint is kept") {
  auto node = Minute(100, std::chrono::milliseconds(1), std::chrono::milliseconds(5));
  REQUIRE(node->as<SnapshotOps>().commits() == 5);
  REQUIRE(node->as<SnapshotOps>().pending(kKey) <= 1'000);
}

TEST_CASE("SnapshotOps T5 (H8): 100 a second and 50 ms: one is kept of five, and pending grows by all the rest") {
  auto node = Minute(100, std::chrono::milliseconds(50), std::chrono::milliseconds(1));
  REQUIRE(node->as<SnapshotOps>().commits() == 1);
  REQUIRE(node->as<SnapshotOps>().pending(kKey) == 5'000);
  node->Rounds(10);  // silence: it is kept again
  REQUIRE(node->as<SnapshotOps>().commits() == 2);
  REQUIRE(node->as<SnapshotOps>().pending(kKey) == 0);
}

TEST_CASE("SnapshotOps T5 (H8 fixed): the same against a version stored with the body: all five, 1,000 pending") {
  auto node = Minute(100, std::chrono::milliseconds(50), std::chrono::milliseconds(1), {Hazard::kLiveCommit});
  REQUIRE(node->as<SnapshotOps>().commits() == 5);
  REQUIRE(node->as<SnapshotOps>().pending(kKey) == Approx(1'000).epsilon(0.03));
}

TEST_CASE("SnapshotOps T5 (H8): 250 a second and 2 ms: three of five, since every other rebuild meets a placement") {
  // Placements are 4 ms apart and each checkpoint begins 2 ms later between two of them. With a phase below 2 ms the
  // first, third and fifth meet one (the first is kept all the same, for there is no body yet); above, the other two.
  for (const auto phase : {std::chrono::milliseconds(1), std::chrono::milliseconds(3)}) {
    auto node = Minute(250, std::chrono::milliseconds(2), phase);
    REQUIRE(node->as<SnapshotOps>().commits() == 3);
  }
}

TEST_CASE("SnapshotOps: pending grows by operations times their size (§7.6), as reported and as measured") {
  auto node = MakeNode();
  constexpr int kOperations = 500;
  constexpr double kExpected = kOperations * (24.0 + 20'000 + 1);
  // Into the tree first, so that it does not grow with what is measured.
  for (int i = 0; i < kOperations; ++i) node->Capture(GenerationNode::Numbered(i, 20'000));
  const std::uint64_t live = prefixmesh::test::Allocations().live_bytes;
  node->PlaceMany(0, kOperations, 20'000);
  REQUIRE(static_cast<double>(node->buffer("pending").bytes) == Approx(kExpected).epsilon(0.15));
  if (prefixmesh::test::kCountsAllocations) {
    const double measured = static_cast<double>(prefixmesh::test::Allocations().live_bytes - live);
    REQUIRE(measured == Approx(kExpected).epsilon(0.15));
  }
  node->Rounds(10);
  REQUIRE(node->buffer("pending").bytes == 0);
}

TEST_CASE(
    "SnapshotOps: a delta is merged into the live tree as a whole tree each time (H9), removals and tokens are not") {
  auto node = MakeNode();
  const auto delta = [](std::uint64_t base, std::vector<TreeOperation> operations) {
    const std::uint64_t version = base + operations.size();
    return FrameWith(kTreeStateDeltaTag, Encode(TreeStateDelta{"m", std::move(operations), base, version}), version);
  };
  node->Receive(delta(0, {{.prompt = "one", .tenant = "w"}, {.prompt = "two", .tenant = "w"}}));
  node->Receive(delta(2, {{.prompt = "three", .tenant = "w"},
                          {.kind = Kind::kTokens, .prompt = std::string(64, '\1'), .tenant = "w"},
                          {.type = TreeOperation::Type::kRemove, .prompt = {}, .tenant = "w"}}));
  REQUIRE(node->merged == 2);
  REQUIRE(node->Holds("one"));
  REQUIRE(node->Holds("three"));
  REQUIRE(node->records().applied == 3);
  REQUIRE(node->records().unresolved == 2);
  node->Receive(delta(9, {{.prompt = "four", .tenant = "w"}}));
  node->Receive(delta(2, {{.prompt = "four", .tenant = "w"}}));
  REQUIRE(node->records().stale == 2);
}

TEST_CASE("SnapshotOps: a whole list of older peers becomes a snapshot; a joiner asks for the bodies (H3)") {
  auto node = MakeNode();
  node->Receive(FrameWith(kTreeStateTag, Encode(TreeState{"m", {{.prompt = "one", .tenant = "w"}}, 4}), 4));
  REQUIRE(node->Holds("one"));
  auto joiner = MakeNode();
  joiner->Up(StreamRole::kServer);
  const auto chunks = node->Receive(joiner->control.at(0));
  REQUIRE(SnapshotOf(OnlyValue(chunks)).nodes.size() == 2);
  joiner->ReceiveAll(chunks);
  REQUIRE(joiner->Holds("one"));
}

TEST_CASE("SnapshotOps: with shared heads the snapshot is a fraction of the list") {
  auto node = MakeNode();
  std::uint64_t flat = 0;
  for (int i = 0; i < 400; ++i) {
    std::string prompt(1600, static_cast<char>('a' + i % 10));
    prompt += std::to_string(i) + " ";
    prompt.resize(2000, static_cast<char>('A' + i % 26));
    node->Place(prompt);
    flat += 24 + prompt.size() + 1;
  }
  node->Rounds(10);
  REQUIRE(node->buffer("tree_configs").bytes < flat / 4);
}

TEST_CASE("CappedOps: 200 a second and peer: below it all is told, above it a backlog grows") {
  for (const auto& [rate, backlog] : {std::pair(150, 0), std::pair(200, 0), std::pair(250, 50 * 8)}) {
    auto node = MakeNode(kCapped);
    node->Up(StreamRole::kDialer);
    for (int second = 0; second < 8; ++second) {
      node->PlaceMany(second * rate, rate);
      REQUIRE(DeltaOf(OnlyValue(node->Tick())).operations.size() == static_cast<std::size_t>(std::min(rate, 200)));
    }
    REQUIRE(node->records().local - node->records().sent == static_cast<std::uint64_t>(backlog));
  }
}

TEST_CASE("CappedOps: above 10 MiB / 200 a prompt nothing is delivered: a dialer stalls, a serving end loses") {
  for (const StreamRole role : {StreamRole::kDialer, StreamRole::kServer}) {
    for (const std::size_t chars : {400u, 800u}) {  // 40,000 and 80,000 at this scale; the cliff is at 52,000
      auto node = MakeNode(Small(kCapped));
      node->Up(role);
      std::uint64_t refusals = 0;
      for (int second = 0; second < 20; ++second) {
        node->PlaceMany(second * 200, 200, chars);
        node->Tick();
        refusals += node->refused.size();
      }
      const bool fits = chars == 400;
      REQUIRE((refusals == 0) == fits);
      REQUIRE((node->records().sent == 4'000) == fits);
      if (fits) continue;
      REQUIRE(node->records().sent == 0);
      if (role == StreamRole::kServer) continue;
      REQUIRE(node->Tick().empty());  // the gap, for good
      REQUIRE(node->refused.empty());
    }
  }
}

TEST_CASE("CappedOps: a body goes out only for a tree with nothing pending, in a batch of its own") {
  auto node = MakeNode(kCapped);
  node->Up(StreamRole::kServer);
  TreeSnapshot snapshot{{{"", {{"w9", 0}}, 1}, {"remote", {{"w9", 1}}, 0}}};
  node->Receive(FrameWith(kTreeSnapshotTag, Encode(snapshot), 3));
  REQUIRE(OnlyValue(node->Tick()).tag == kTreeSnapshotTag);
  node->PlaceMany(0, 1);
  REQUIRE(OnlyValue(node->Tick()).tag == kTreeStateDeltaTag);
}

TEST_CASE("SnapshotOps: frames that do not decode change nothing and are counted") {
  const auto state = [](const GenerationNode& node) {
    return std::tuple(node.merged, node.as<SnapshotOps>().Version(kKey), node.as<SnapshotOps>().trees().generation());
  };
  const auto fresh = [] { return MakeNode(); };
  const TreeSnapshot snapshot{{{"", {{"w9", 0}}, 1}, {"remote", {{"w9", 1}}, 0}}};
  CheckDamagedFrames(FrameWith(kTreeSnapshotTag, Encode(snapshot), 9), fresh, state);
  const TreeStateDelta delta{"m", {{.prompt = "some prompt", .tenant = "w7"}}, 0, 9};
  CheckDamagedFrames(FrameWith(kTreeStateDeltaTag, Encode(delta), 9), fresh, state);
  auto node = fresh();
  node->Receive(FrameWith(kTreeSnapshotTag, Encode(TreeSnapshot{{{"", {}, 2}, {"one child", {}, 0}}}), 9));
  REQUIRE(node->decode_errors() == 1);
  REQUIRE(node->merged == 0);
}

}  // namespace
}  // namespace prefixmesh::generations
