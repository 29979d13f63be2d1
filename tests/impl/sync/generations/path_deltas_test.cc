// Goal: the drafts d1 to d4 of the seventh generation: every prompt is kept twice, from d2 on every record resolves,
// from d3 on every 30th round drops its records, and d4 takes evictions. Method: by hand.
#include "impl/sync/generations/tenant_deltas/path_deltas.h"

#include "tests/impl/sync/generations/generation_node.h"

namespace prefixmesh::generations {
namespace {

using namespace test;

std::unique_ptr<GenerationNode> MakeNode(const PathDeltasOptions& options = {.self_name = "a"}) {
  return std::make_unique<GenerationNode>([&](const TextTreeView&) { return std::make_unique<PathDeltas>(options); });
}

TEST_CASE("PathDelta: what is encoded decodes to itself, in the stated size, and anything cut does not") {
  const PathDelta delta{.model_id = "model",
                        .version = 9,
                        .inserts = {{"the whole prompt", "w1", 3}, {"", "w2", 4}},
                        .evictions = {{"p", "w3"}}};
  const std::string bytes = Encode(delta);
  REQUIRE(bytes.size() == 32 + 5 + (24 + 16 + 2) + (24 + 2) + (16 + 1 + 2));
  REQUIRE(*DecodePathDelta(AsBytes(bytes)) == delta);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    REQUIRE_FALSE(DecodePathDelta(AsBytes(bytes).first(size)).ok());
  REQUIRE_FALSE(DecodePathDelta(AsBytes(bytes + "x")).ok());
}

TEST_CASE("PathDeltas: a record carries the prompt and resolves wherever it arrives") {
  auto a = MakeNode(), b = MakeNode();
  a->Up(StreamRole::kDialer);
  b->Up(StreamRole::kServer);
  a->PlaceMany(0, 20, 500);
  const auto frames = a->Tick();
  const Value value = OnlyValue(frames);
  REQUIRE(value.tag == kTenantDeltaTag);
  REQUIRE(value.config.size() == 32 + 1 + 20 * (24 + 500 + 1));
  REQUIRE(a->Tick().empty());  // pending has them, too, but the watermark is the same
  b->ReceiveAll(frames);
  REQUIRE(b->HeldOf(0, 20, 500) == 20);
  REQUIRE(b->records().applied == 20);
}

TEST_CASE("PathDeltas: two writers at the same counter hold each other's, as no version is asked") {
  auto a = MakeNode(), b = MakeNode();
  a->Up(StreamRole::kDialer);
  b->Up(StreamRole::kServer);
  a->PlaceMany(0, 5);
  b->PlaceMany(100, 5);
  const auto from_a = a->Tick(), from_b = b->Tick();
  a->ReceiveAll(from_b);
  b->ReceiveAll(from_a);
  for (auto* node : {a.get(), b.get()}) {
    REQUIRE(node->HeldOf(0, 5) == 5);
    REQUIRE(node->HeldOf(100, 5) == 5);
  }
}

TEST_CASE("PathDeltas: a stream whose buffer another took gets a delta of operations") {
  auto node = MakeNode();
  node->Up(StreamRole::kDialer, kFirst);
  node->Up(StreamRole::kDialer, kSecond);
  node->PlaceMany(0, 7);
  REQUIRE(OnlyValue(node->Tick(kFirst)).tag == kTenantDeltaTag);
  const Value second = OnlyValue(node->Tick(kSecond));
  REQUIRE(second.tag == kTreeStateDeltaTag);
  REQUIRE(DecodeTreeStateDelta(AsBytes(second.config))->operations.size() == 7);
}

TEST_CASE("PathDeltas: a prompt is kept twice until the tick, once until the checkpoint, then in the list") {
  auto node = MakeNode();
  node->Up(StreamRole::kDialer);
  node->PlaceMany(0, 10, 1000);
  REQUIRE(node->buffer("tenant_deltas").bytes > 10'000);
  REQUIRE(node->buffer("pending").bytes > 10'000);
  node->Tick();
  REQUIRE(node->buffer("tenant_deltas").bytes == 0);
  REQUIRE(node->buffer("pending").entries == 10);
  node->Rounds(10);
  REQUIRE(node->buffer("pending").bytes == 0);
  REQUIRE(node->buffer("tree_configs").bytes > 10'000);
}

TEST_CASE("PathDeltas: tokens travel as decimals and are skipped") {
  auto a = MakeNode(), b = MakeNode();
  a->Up(StreamRole::kDialer);
  a->Place(std::string("\1\0\0\0\0\1\0\0", 8), "w", Kind::kTokens);
  const auto frames = a->Tick();
  REQUIRE(DecodePathDelta(AsBytes(OnlyValue(frames).config))->inserts.at(0).path == "tok:1,256");
  b->ReceiveAll(frames);
  REQUIRE(b->applied.empty());
  REQUIRE(b->records().unresolved == 1);
}

TEST_CASE("PathDeltas d1: no tree is told of a record, and the counter becomes the larger one") {
  auto b = MakeNode({.draft = PathDeltaDraft::kD1, .self_name = "b"});
  const PathDelta delta{.model_id = "m", .version = 9, .inserts = {{"some prompt", "w7", 0}}, .evictions = {}};
  b->Receive(FrameWith(kTenantDeltaTag, Encode(delta), 9));
  REQUIRE(b->applied.empty());
  REQUIRE(b->records().unresolved == 1);
  REQUIRE(b->as<PathDeltas>().store().Version("tree:m") == 9);
}

TEST_CASE("PathDeltas d3 (W16): the 30th round with records of a stream drops them, and pending goes out instead") {
  for (const PathDeltaDraft draft : {PathDeltaDraft::kD2, PathDeltaDraft::kD3, PathDeltaDraft::kD4}) {
    auto node = MakeNode({.draft = draft, .self_name = "a"});
    node->Up(StreamRole::kDialer);
    const auto tag_of_round = [&](int round) {
      node->PlaceMany(round, 1);
      const Value value = OnlyValue(node->Tick());
      if (value.tag == kTreeStateDeltaTag)  // what is new to the stream
        REQUIRE(DecodeTreeStateDelta(AsBytes(value.config))->operations.size() == 1);
      return value.tag;
    };
    for (int round = 1; round <= 60; ++round) {
      INFO(round);
      const bool drops = draft >= PathDeltaDraft::kD3 && round % 30 == 0;
      REQUIRE(tag_of_round(round) == (drops ? kTreeStateDeltaTag : kTenantDeltaTag));
      REQUIRE(node->buffer("tenant_deltas").entries == 0);
      REQUIRE(node->Tick().empty());  // a round without records does not count
    }
    // The count is the stream's: a new one begins at 0.
    for (int round = 61; round <= 75; ++round) REQUIRE(tag_of_round(round) == kTenantDeltaTag);
    node->Up(StreamRole::kDialer);
    for (int round = 76; round <= 104; ++round) REQUIRE(tag_of_round(round) == kTenantDeltaTag);
  }
}

TEST_CASE("PathDeltas d4: an eviction with an empty path takes the worker out of all nodes, any other is ignored") {
  const auto receive = [](PathDeltaDraft draft, const std::string& path) {
    auto node = MakeNode({.draft = draft, .self_name = "a"});
    node->Place("one", "w1");
    node->Place("two", "w1");
    node->Place("two", "w2");
    const PathDelta delta{.model_id = "m", .version = 9, .inserts = {}, .evictions = {{path, "w1"}}};
    node->Receive(FrameWith(kTenantDeltaTag, Encode(delta), 9));
    REQUIRE(node->Holds("two", "w2"));
    REQUIRE(node->records().received == 1);
    REQUIRE(node->records().applied + node->records().unresolved == 1);
    REQUIRE(node->records().applied == node->forgotten);
    REQUIRE(node->Holds("one", "w1") == node->Holds("two", "w1"));
    return node->Holds("one", "w1");
  };
  CHECK_FALSE(receive(PathDeltaDraft::kD4, ""));
  CHECK(receive(PathDeltaDraft::kD4, "one"));
  CHECK(receive(PathDeltaDraft::kD3, ""));
  CHECK(receive(PathDeltaDraft::kD1, ""));
}

TEST_CASE("PathDeltas (W5): what is refused is gone from the buffer, and comes again from pending at a dialer") {
  auto node = MakeNode({.self_name = "a", .constants = {.batch_bytes = 3000}});
  node->Up(StreamRole::kDialer);
  node->PlaceMany(0, 4, 1000);
  REQUIRE(node->Tick().empty());
  REQUIRE(node->refused.size() == 1);
  REQUIRE(node->Tick().empty());  // pending is as big
  REQUIRE(node->refused.size() == 1);
  REQUIRE(node->buffer("tenant_deltas").entries == 0);
}

TEST_CASE("PathDeltas: frames that do not decode change nothing and are counted") {
  const PathDelta delta{.model_id = "m", .version = 9, .inserts = {{"some prompt", "w7", 0}}, .evictions = {}};
  CheckDamagedFrames(
      FrameWith(kTenantDeltaTag, Encode(delta), 9), [] { return MakeNode(); },
      [](const GenerationNode& node) {
        return std::tuple(node.applied.size(), node.as<PathDeltas>().store().Version("tree:m"));
      });
}

}  // namespace
}  // namespace prefixmesh::generations
