// Goal: the first generation at four points of its history behaves as it did. Method: the rules, micro-traces (T1, T3)
// and signatures of the specification, each driven by hand against a live text tree.
#include "impl/sync/generations/crdt_ops/crdt_ops.h"

#include "impl/wire/json_ops.h"
#include "tests/impl/sync/generations/generation_node.h"
#include "tests/support/allocations.h"

namespace prefixmesh::generations {
namespace {

using namespace test;
using Point = CrdtOpsPoint;

constexpr const char* kKey = "tree:m";

std::unique_ptr<GenerationNode> MakeNode(Point point, const CrdtOpsOptions& base = {}) {
  CrdtOpsOptions options = base;
  options.point = point;
  options.self_name = "a";
  return std::make_unique<GenerationNode>([&](const TextTreeView&) { return std::make_unique<CrdtOps>(options); });
}
TreeState StateOf(const Value& value) {
  REQUIRE(value.tag == kTreeStateTag);
  return *DecodeTreeState(AsBytes(value.config));
}
TreeStateDelta DeltaOf(const Value& value) {
  REQUIRE(value.tag == kTreeStateDeltaTag);
  return *DecodeTreeStateDelta(AsBytes(value.config));
}

TEST_CASE("CrdtOps: each beat sends the whole list, and nothing when nothing changed") {
  auto node = MakeNode(Point::k825);
  node->Up(StreamRole::kDialer);
  node->PlaceMany(0, 3);
  REQUIRE(StateOf(OnlyValue(node->Tick())).operations.size() == 3);
  REQUIRE(node->Tick().empty());
  node->PlaceMany(3, 1);
  const TreeState state = StateOf(OnlyValue(node->Tick()));
  REQUIRE(state.operations.size() == 4);
  REQUIRE(state.version == 4);
  REQUIRE(node->strategy().traits().frame_bytes == 4u << 20);
  REQUIRE_FALSE(node->strategy().traits().gzip);
}

TEST_CASE("CrdtOps: a newer value replaces the other's operations (H4); only the serving end tells its tree") {
  auto a = MakeNode(Point::k825), b = MakeNode(Point::k825);
  a->Up(StreamRole::kDialer);
  b->Up(StreamRole::kServer);
  a->PlaceMany(0, 3);
  b->PlaceMany(100, 2);
  const auto from_a = a->Tick(), from_b = b->Tick();
  a->ReceiveAll(from_b);
  REQUIRE(a->records().stale == 2);
  b->ReceiveAll(from_a);
  REQUIRE(b->HeldOf(0, 3) == 3);
  REQUIRE(b->as<CrdtOps>().ListOf(kKey).operations.size() == 3);  // its own two are gone from the store
  b->PlaceMany(200, 1);
  a->ReceiveAll(b->Tick());
  REQUIRE(a->as<CrdtOps>().ListOf(kKey).operations.size() == 4);
  REQUIRE(a->HeldOf(200, 1) == 0);
  REQUIRE(a->records().unresolved == 4);
}

TEST_CASE("CrdtOps: what is too big, at each point and end (#808, #899)") {
  struct Case {
    Point point;
    StreamRole role;
    std::size_t sent, refused_again;
  };
  // Of a value above the limit: is it offered all the same, is it refused again a second later.
  for (const Case& each :
       {Case{Point::k655, StreamRole::kDialer, 1, 0}, Case{Point::k655, StreamRole::kServer, 0, 1},
        Case{Point::k825, StreamRole::kDialer, 0, 0}, Case{Point::k825, StreamRole::kServer, 0, 0},
        Case{Point::k899, StreamRole::kDialer, 0, 1}, Case{Point::k899, StreamRole::kServer, 0, 0}}) {
    auto node = MakeNode(each.point, {.constants = {.batch_bytes = 5'000}});
    node->Up(each.role);
    node->PlaceMany(0, 10, 1'000);
    REQUIRE(node->Tick().size() == each.sent);
    REQUIRE(node->refused.size() == 1 - each.sent);
    REQUIRE(node->Tick().empty());
    REQUIRE(node->refused.size() == each.refused_again);
  }
}

TEST_CASE("CrdtOps: the log keeps every value, 10,000 of them; before #825 there is no end to it") {
  for (const Point point : {Point::k655, Point::k825}) {
    auto node = MakeNode(point);
    // A short list, so that the test is quick: one model's values of a few bytes each.
    std::uint64_t highest = 0;
    for (int i = 0; i < 40; ++i) node->PlaceMany(i, 1);
    REQUIRE(node->buffer("crdt_log").entries == 40);
    Trims trims;
    CrdtLog log("a", point == Point::k825 ? 10'000 : SIZE_MAX, trims);
    for (int i = 0; i < 10'001; ++i) {
      log.Put(kKey, std::string(20, 'v'), static_cast<std::uint64_t>(i));
      highest = std::max<std::uint64_t>(highest, log.log_entries());
    }
    REQUIRE(log.log_entries() == (point == Point::k825 ? 1 : 10'001));
    REQUIRE(trims.Of(Trim::kLogCap).entries == (point == Point::k825 ? 10'000 : 0));
    for (int i = 0; i < 10'000; ++i) log.Put("tree:" + std::to_string(i), "v", 1);
    if (point == Point::k825) REQUIRE(log.log_entries() == 7'500);
    REQUIRE(trims.Of(Trim::kLogCap).times == (point == Point::k825 ? 2 : 0));
    REQUIRE(trims.Of(Trim::kLogCap).entries == (point == Point::k825 ? 12'501 : 0));
    REQUIRE(log.Find("tree:9999")->version == 1);
    REQUIRE(log.entries().size() == 10'001);
  }
}

TEST_CASE("CrdtOps: what the log retains is requests times state (§7.6), as reported and as measured") {
  auto node = MakeNode(Point::k825);
  const auto live = prefixmesh::test::Allocations().live_bytes;
  constexpr int kRequests = 400;
  constexpr double kOperation = 24 + 500 + 1;
  node->PlaceMany(0, kRequests, 500);
  const double expected = kOperation * kRequests * kRequests / 2;
  REQUIRE(static_cast<double>(node->buffer("crdt_log").bytes) == Approx(expected).epsilon(0.15));
  if (prefixmesh::test::kCountsAllocations) {
    const double measured = static_cast<double>(prefixmesh::test::Allocations().live_bytes - live);
    REQUIRE(measured == Approx(expected).epsilon(0.15));
  }
}

TEST_CASE("CrdtOps: the list holds 2,048 operations at most (H14), its version counts on") {
  auto node = MakeNode(Point::k825);
  node->PlaceMany(0, 2'049);
  const TreeState list = node->as<CrdtOps>().ListOf(kKey);
  REQUIRE(list.operations.size() == 1'024);
  REQUIRE(node->trims(Trim::kListCap).times == 1);
  REQUIRE(node->trims(Trim::kListCap).entries == 1'025);
  REQUIRE(list.version == 2'049);
}

TEST_CASE("CrdtOps/a: the same over JSON, in 7 bytes a char") {
  auto a = MakeNode(Point::k655), b = MakeNode(Point::k655);
  a->Up(StreamRole::kDialer);
  b->Up(StreamRole::kServer);
  a->PlaceMany(0, 10, 1'000);
  const auto frames = a->Tick();
  REQUIRE(frames.at(0).size() > 10 * 6'500);
  REQUIRE(a->records().sent == 10);
  b->ReceiveAll(frames);
  REQUIRE(b->HeldOf(0, 10, 1'000) == 10);
  const auto chunks = b->Receive(EncodeSnapshotRequest(Store::kPolicy));
  auto joiner = MakeNode(Point::k655);
  joiner->ReceiveAll(chunks);
  REQUIRE(joiner->HeldOf(0, 10, 1'000) == 10);
}

TEST_CASE("CrdtOps/b T1: a delta is the pending beyond the watermark, the whole list where that lies before it") {
  auto node = MakeNode(Point::k899, {.constants = {.mark_trim_operations = 8}});
  node->Up(StreamRole::kDialer, kFirst);
  node->Up(StreamRole::kDialer, kSecond);
  node->PlaceMany(0, 9);
  REQUIRE(DeltaOf(OnlyValue(node->Tick(kFirst))).operations.size() == 9);
  REQUIRE(node->as<CrdtOps>().pending(kKey) == 5);  // trimmed by half on the mark (H7)
  node->PlaceMany(9, 3);
  const TreeStateDelta delta = DeltaOf(OnlyValue(node->Tick(kFirst)));
  REQUIRE(delta.base_version == 9);
  REQUIRE(delta.new_version == 12);
  REQUIRE(delta.operations.size() == 3);
  REQUIRE(StateOf(OnlyValue(node->Tick(kSecond))).operations.size() == 12);  // nothing is lost: the list has all
}

TEST_CASE("CrdtOps/b T3 (H2): a dialer trims half of what is too big and then refuses the whole list for ever") {
  auto node = MakeNode(Point::k899, {.constants = {.batch_bytes = 105'000}});
  node->Up(StreamRole::kDialer);
  node->PlaceMany(0, 100, 800);
  REQUIRE(node->Tick().size() == 1);
  node->PlaceMany(100, 400, 800);
  // 500 pending with what was sent: base 0; then halves, and the base passes the watermark.
  for (const std::size_t left : {250u, 125u, 63u, 63u}) {
    REQUIRE(node->Tick().empty());
    REQUIRE(node->refused.size() == 1);
    REQUIRE(node->as<CrdtOps>().pending(kKey) == left);
  }
}

TEST_CASE("CrdtOps/b: a delta is applied as a whole if it goes on from here, by both ends, and all is replayed (H9)") {
  auto node = MakeNode(Point::k899);
  node->Up(StreamRole::kDialer);
  const auto delta = [](std::uint64_t base, std::uint64_t version) {
    const TreeStateDelta body{"m", {{.prompt = "p" + std::to_string(version), .tenant = "w"}}, base, version};
    return FrameWith(kTreeStateDeltaTag, Encode(body), version);
  };
  node->Receive(delta(0, 2));
  node->Receive(delta(2, 4));
  REQUIRE(node->applied.size() == 1 + 2);
  node->Receive(delta(5, 6));  // a gap
  node->Receive(delta(2, 4));  // not newer
  REQUIRE(node->records().stale == 2);
  REQUIRE(node->as<CrdtOps>().Version(kKey) == 4);
}

TEST_CASE("CrdtOps/b: at short prompts the wire carries a fortieth, the log the same as before") {
  const auto run = [](Point point) {
    auto node = MakeNode(point);
    node->Up(StreamRole::kDialer);
    std::uint64_t bytes = 0;
    for (int second = 0; second < 40; ++second) {
      node->PlaceMany(second * 50, 50, 100);
      for (const std::string& frame : node->Tick()) bytes += frame.size();
    }
    return std::pair(static_cast<double>(bytes), static_cast<double>(node->buffer("crdt_log").bytes));
  };
  const auto [wire, log] = run(Point::k825);
  const auto [wire_b, log_b] = run(Point::k899);
  REQUIRE(wire / wire_b == Approx(20.5).epsilon(0.1));  // (40 + 1) / 2 seconds' worth on average; 40 at the end
  REQUIRE(log_b == Approx(log).epsilon(0.01));
}

TEST_CASE("CrdtOps/c: flat until the first checkpoint, then each request writes the whole list into the log") {
  auto node = MakeNode(Point::k919);
  node->Up(StreamRole::kDialer);
  auto growth = [&node, next = 0](int seconds) mutable {
    const std::uint64_t before = node->buffer("crdt_log").bytes;
    for (int second = 0; second < seconds; ++second, next += 20) {
      node->PlaceMany(next, 20, 500);
      node->Tick();
      node->Rounds(1);
    }
    return static_cast<double>(node->buffer("crdt_log").bytes - before) / seconds;
  };
  const double before = growth(60);
  REQUIRE(node->as<CrdtOps>().pending(kKey) == 0);
  REQUIRE(before < 20 * 1'000 + 1'200 * 525 / 60);  // envelopes; the checkpoint's own list once
  const double after = growth(1);
  REQUIRE(after > 20 * 1'200 * 500);  // a list of 1,200 for each of 20 requests
}

TEST_CASE(
    "CrdtOps/c: with placements of its own and no list yet, a router takes no delta; after a checkpoint it does") {
  auto node = MakeNode(Point::k919);
  node->PlaceMany(0, 3);
  const TreeStateDelta delta{"m", {{.prompt = "remote", .tenant = "w9"}}, 3, 4};
  node->Receive(FrameWith(kTreeStateDeltaTag, Encode(delta), 4));
  REQUIRE(node->records().stale == 1);
  node->Rounds(60);
  REQUIRE(node->as<CrdtOps>().Version(kKey) == 3);
  node->Receive(FrameWith(kTreeStateDeltaTag, Encode(delta), 4));
  REQUIRE(node->Holds("remote", "w9"));
}

TEST_CASE("CrdtOps: frames that do not decode change nothing and are counted") {
  const TreeState list{"m", {{.prompt = "some prompt", .tenant = "w7"}}, 9};
  const auto state = [](const GenerationNode& node) {
    return std::tuple(node.applied.size(), node.as<CrdtOps>().log().generation());
  };
  CheckDamagedFrames(
      FrameWith(kTreeStateTag, Encode(list), 9), [] { return MakeNode(Point::k825); }, state);
  const TreeStateDelta delta{"m", list.operations, 0, 9};
  CheckDamagedFrames(
      FrameWith(kTreeStateDeltaTag, Encode(delta), 9), [] { return MakeNode(Point::k899); }, state);
  const StoreEntry json{.key = kKey,
                        .value = EncodeJson(PolicyState{"m", "tree_state", EncodeJson(list, JsonForm::kKeyAndText), 9}),
                        .version = 9,
                        .actor = "b"};
  CheckDamagedFrames(
      EncodeBatch(Store::kPolicy, {&json, 1}), [] { return MakeNode(Point::k655); }, state);
}

}  // namespace
}  // namespace prefixmesh::generations
