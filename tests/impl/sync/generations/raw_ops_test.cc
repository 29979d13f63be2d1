// Goal: one raw-ops router behaves as the second generation did, hazards included. Method: the specification's worked
// micro-traces (T1–T4) and hazards (H…), each driven by hand.
#include "impl/sync/generations/raw_ops/raw_ops.h"

#include "tests/impl/sync/generations/raw_ops_node.h"
#include "tests/support/allocations.h"

namespace prefixmesh::generations {
namespace {

using namespace test;

// Counter 12 with 5 pending; `marks` are the counters at which the stream ticks on the way.
void ToTwelve(Node& node, std::initializer_list<int> marks) {
  node.Up(StreamRole::kDialer);
  for (int i = 1; i <= 12; ++i) {
    node.Put(i, 1);
    if (i == 7) node.Rounds(10);
    for (const int mark : marks) {
      if (mark == i) REQUIRE(node.Tick().has_value());
    }
  }
  REQUIRE(node.store().Version(kKey) == 12);
  REQUIRE(node.store().Pending(kKey) == 5);
}

// A peer's state of that version arrives and is accepted.
void RemoteState(Node& node, std::uint64_t version, int operations) {
  const TreeState state{"m", Remote(0, operations), version};
  node.Receive(FrameOf("tree_state", Encode(state), version));
  REQUIRE(node.store().Version(kKey) == version);
}

TEST_CASE("RawOps: traits say what the mesh must provide") {
  const RawOps ops({.self_name = "a"});
  REQUIRE(ops.traits().name == "raw-ops");
  REQUIRE(ops.traits().runs_on_text);
  REQUIRE_FALSE(ops.traits().runs_on_block);
  REQUIRE(ops.traits().queue_frames == 128);
  REQUIRE(ops.traits().gzip);
  REQUIRE(ops.traits().frame_bytes == 10u << 20);
  REQUIRE(ops.traits().peer_tick_period == std::chrono::seconds(1));
}

TEST_CASE("RawOps T1: a delta is the pending beyond the watermark") {
  Node node;
  ToTwelve(node, {9});
  const Carried sent = Open(*node.Tick());
  REQUIRE(sent.is_delta);
  REQUIRE(sent.delta.base_version == 9);
  REQUIRE(sent.delta.new_version == 12);
  REQUIRE(sent.label == 12);
  REQUIRE(sent.delta.operations.size() == 3);
  REQUIRE(sent.delta.operations.front().prompt == "prompt 10");
  REQUIRE_FALSE(node.Tick().has_value());  // idle: nothing more to say
}

TEST_CASE("RawOps T1: a watermark before the pending gets the whole list") {
  Node node;
  ToTwelve(node, {6});
  const Carried sent = Open(*node.Tick());
  REQUIRE_FALSE(sent.is_delta);
  REQUIRE(sent.label == 12);
  REQUIRE(sent.state.version == 12);
  REQUIRE(sent.state.operations.size() == 12);
}

TEST_CASE("RawOps T2 (H5): a remote apply moves the base past the watermark, and all is sent again") {
  Node node;
  ToTwelve(node, {9});
  RemoteState(node, 16, 4);
  REQUIRE(node.store().Pending(kKey) == 5);
  const Carried sent = Open(*node.Tick());  // base 11 > 9, although all five local operations are pending
  REQUIRE_FALSE(sent.is_delta);
  REQUIRE(sent.state.operations.size() == 4 + 5);
}

TEST_CASE("RawOps T2 (H5): with nothing unsent, four sent operations go out again under a new label") {
  Node node;
  ToTwelve(node, {9, 12});
  RemoteState(node, 16, 4);
  const Carried sent = Open(*node.Tick());
  REQUIRE(sent.is_delta);
  REQUIRE(sent.delta.base_version == 12);
  REQUIRE(sent.delta.new_version == 16);
  REQUIRE(sent.delta.operations.size() == 4);
  REQUIRE(sent.delta.operations.front().prompt == "prompt 9");
}

// T3 at a scale of 1:100: 800-byte prompts, 1/100 of 10 MiB; 100 operations fit, 200 do not.
RawOpsOptions SmallLimit() { return {.constants = {.batch_bytes = (10u << 20) / 100}}; }

void FourHundredAfterCheckpoint(Node& node, StreamRole role) {
  node.Up(role);
  node.Put(0, 100, 800);
  REQUIRE(node.Tick().has_value());
  node.Rounds(10);
  node.Put(100, 400, 800);
}

TEST_CASE("RawOps T3 (H2): a dialer trims half, falls into the gap, and then builds and refuses every second") {
  Node node(SmallLimit());
  FourHundredAfterCheckpoint(node, StreamRole::kDialer);
  for (const std::size_t left : {200u, 100u, 100u, 100u}) {
    REQUIRE_FALSE(node.Tick().has_value());
    REQUIRE(node.refused.size() == 1);
    REQUIRE(node.refused[0].bytes > node.refused[0].limit_bytes);
    REQUIRE(node.refused[0].limit_bytes == (10u << 20) / 100);
    REQUIRE(node.store().Pending(kKey) == left);
  }
  REQUIRE(node.trims(Trim::kForce).times == 2);
  REQUIRE(node.trims(Trim::kForce).entries == 300);
  // Without any new request, it goes on: the unmarkable batch keeps an idle router busy.
  REQUIRE(node.store().Version(kKey) == 500);
  REQUIRE_FALSE(node.Tick().has_value());
  REQUIRE(node.refused.size() == 1);
}

TEST_CASE("RawOps T3 (H2): a server refuses once, marks, and sends only what is new") {
  Node node(SmallLimit());
  FourHundredAfterCheckpoint(node, StreamRole::kServer);
  REQUIRE_FALSE(node.Tick().has_value());
  REQUIRE(node.refused.size() == 1);
  REQUIRE(node.store().Pending(kKey) == 400);
  REQUIRE(node.trims(Trim::kForce).times == 0);
  REQUIRE_FALSE(node.Tick().has_value());
  REQUIRE(node.refused.empty());
  node.Put(500, 1);
  const Carried sent = Open(*node.Tick());
  REQUIRE(sent.is_delta);
  REQUIRE(sent.delta.base_version == 500);
  REQUIRE(sent.delta.operations.size() == 1);
}

TEST_CASE("RawOps T4 (H4): equal counters hide different contents, for good") {
  Node a, b;
  a.Up(StreamRole::kDialer);
  b.Up(StreamRole::kServer);
  a.Put(0, 3);
  b.Put(100, 3);
  const auto from_a = a.Tick(), from_b = b.Tick();
  REQUIRE(Open(*from_a).delta.base_version == 0);
  REQUIRE(Open(*from_a).delta.new_version == 3);
  a.Rounds(10);
  b.Rounds(10);
  b.Receive(*from_a);
  a.Receive(*from_b);
  REQUIRE(a.store().Version(kKey) == 3);
  REQUIRE(b.store().Version(kKey) == 3);
  REQUIRE(a.tree.empty());
  REQUIRE(b.tree.empty());
  REQUIRE(a.records().stale == 3);
  REQUIRE_FALSE(a.Tick().has_value());  // and both believe that all was said
  REQUIRE_FALSE(b.Tick().has_value());
}

TEST_CASE("RawOps: a full queue is not marked and comes again, a taken one is marked unheard (H1)") {
  Node node;
  node.Up(StreamRole::kDialer);
  node.Put(0, 3);
  for (const SendOutcome outcome : {SendOutcome::kFull, SendOutcome::kClosed, SendOutcome::kQueued}) {
    const auto sent = node.Tick(outcome);
    REQUIRE(sent.has_value());
    REQUIRE(Open(*sent).delta.operations.size() == 3);
  }
  REQUIRE(node.records().sent == 3);
  REQUIRE_FALSE(node.Tick().has_value());  // queued is sent, whatever became of it
}

TEST_CASE("RawOps: a new connection starts from zero watermarks") {
  Node node;
  node.Up(StreamRole::kDialer);
  node.Put(0, 3);
  REQUIRE(node.Tick().has_value());
  node.Up(StreamRole::kDialer);
  REQUIRE(Open(*node.Tick()).delta.operations.size() == 3);
}

TEST_CASE("RawOps (H7): a fast peer's marks trim what a slow peer still needs") {
  Node node({.self_name = "a", .constants = {.mark_trim_operations = 40}});
  node.Up(StreamRole::kDialer, kPeer);
  node.Up(StreamRole::kDialer, kOtherPeer);
  node.Put(0, 50);
  REQUIRE(Open(*node.Tick(SendOutcome::kQueued, kPeer)).delta.operations.size() == 50);
  REQUIRE(node.store().Pending(kKey) == 25);
  REQUIRE(node.trims(Trim::kMark).times == 1);
  REQUIRE(node.trims(Trim::kMark).entries == 25);
  const Carried slow = Open(*node.Tick(SendOutcome::kQueued, kOtherPeer));
  REQUIRE_FALSE(slow.is_delta);
  REQUIRE(slow.state.operations.size() == 25);  // the dropped half is in no blob yet: gone
}

TEST_CASE("RawOps: what is received (H9, H13): the whole list is replayed for each delta, without the removals") {
  Node node;
  node.Up(StreamRole::kServer);
  auto operations = Remote(0, 3);
  operations.push_back({.type = TreeOperation::Type::kRemove, .prompt = "", .tenant = "w"});
  node.Receive(FrameOf("tree_state_delta", Encode(TreeStateDelta{"m", operations, 0, 4}), 4));
  REQUIRE(node.replayed == 3);
  node.Receive(FrameOf("tree_state_delta", Encode(TreeStateDelta{"m", Remote(3, 2), 4, 6}), 6));
  REQUIRE(node.replayed == 3 + 5);
  REQUIRE(node.tree.size() == 5);
  REQUIRE(node.store().BlobVersion(kKey) == 6);
  REQUIRE(node.store().Version(kKey) == 6);
  REQUIRE(node.records().applied == 6);
}

TEST_CASE("RawOps: the version rules of a receiver") {
  Node node;
  const auto delta = [](std::uint64_t base, std::uint64_t version, int operations) {
    return FrameOf("tree_state_delta", Encode(TreeStateDelta{"m", Remote(0, operations), base, version}), version);
  };
  node.Receive(delta(1, 4, 3));  // no blob: only from zero
  REQUIRE(node.store().blobs() == 0);
  node.Receive(delta(0, 3, 3));
  REQUIRE(node.store().BlobVersion(kKey) == 3);
  node.Receive(delta(0, 3, 3));  // not newer
  node.Receive(delta(4, 6, 2));  // a gap
  node.Receive(
      FrameOf("tree_state", Encode(TreeState{"m", Remote(0, 9), 3}), 9));  // its own version counts, not the label
  REQUIRE(node.store().BlobVersion(kKey) == 3);
  REQUIRE(node.records().stale == 3 + 3 + 2 + 9);
  node.Receive(delta(2, 5, 2));  // an overlap is news: it is appended whole
  REQUIRE(node.store().BlobVersion(kKey) == 5);
  node.Receive(FrameOf("tree_state", Encode(TreeState{"m", Remote(0, 1), 8}), 8));
  REQUIRE(node.store().BlobVersion(kKey) == 8);
  REQUIRE(node.ops().Report().decode_errors == 0);
}

TEST_CASE("RawOps (H6): what came from a peer goes back to it, as a whole list") {
  Node node;
  node.Up(StreamRole::kServer);
  node.Receive(FrameOf("tree_state_delta", Encode(TreeStateDelta{"m", Remote(0, 3), 0, 3}), 3));
  const Carried echo = Open(*node.Tick());
  REQUIRE_FALSE(echo.is_delta);
  REQUIRE(echo.state.operations.size() == 3);
  REQUIRE_FALSE(node.Tick().has_value());
}

TEST_CASE("RawOps (H3, H12): only the serving end with no blob asks for the blobs, and gets those, not the pending") {
  Node full;
  full.Up(StreamRole::kServer);
  REQUIRE(full.control().size() == 1);
  full.Put(0, 5);
  full.Rounds(10);
  full.Put(5, 2);
  Node dialer;
  dialer.Up(StreamRole::kDialer);
  REQUIRE(dialer.control().empty());

  Node joiner;
  joiner.Up(StreamRole::kServer);
  const auto chunks = full.Receive(joiner.control().at(0));
  REQUIRE(chunks.size() == 1);
  joiner.Receive(chunks[0]);
  REQUIRE(joiner.tree.size() == 5);
  // Once it has a blob it never asks again.
  joiner.Up(StreamRole::kServer);
  REQUIRE(joiner.control().empty());
}

TEST_CASE("RawOps (H12): a snapshot is cut by entries, 100 a chunk") {
  Node full;
  full.Up(StreamRole::kDialer);
  for (int i = 0; i < 150; ++i) {
    const std::string model = "m" + std::to_string(i);
    full.Receive(FrameOf("tree_state", Encode(TreeState{model, Remote(i, 1), 1}), 1, model));
  }
  const auto chunks = full.Receive(EncodeSnapshotRequest(Store::kPolicy));
  REQUIRE(chunks.size() == 2);
  REQUIRE(DecodeStoreFrame(AsBytes(chunks[0]))->entries.size() == 100);
  REQUIRE(DecodeStoreFrame(AsBytes(chunks[1]))->entries.size() == 50);
  REQUIRE(DecodeStoreFrame(AsBytes(chunks[1]))->chunk_count == 2);
  Node joiner;
  for (const std::string& chunk : chunks) joiner.Receive(chunk);
  REQUIRE(joiner.store().blobs() == 150);
  REQUIRE(joiner.tree.size() == 150);
}

TEST_CASE("RawOps (H12): a snapshot element is not cut: beyond the transport's limit the stream ends") {
  Node full({.self_name = "a", .constants = {.batch_bytes = 1000, .transport_bytes = 1u << 20}});
  full.Up(StreamRole::kDialer);
  full.Put(0, 30, 50'000);
  full.Rounds(10);
  REQUIRE(full.Receive(EncodeSnapshotRequest(Store::kPolicy)).empty());
  REQUIRE(full.refused.size() == 1);
  REQUIRE(full.closed == 1);
}

TEST_CASE("RawOps: pending empties at each checkpoint, the blob is capped (H14): a plateau") {
  Node node;
  node.Up(StreamRole::kDialer);
  std::uint64_t pending_max = 0, blob_max = 0;
  for (int second = 0; second < 120; ++second) {
    node.Put(second * 50, 50, 200);
    node.Tick();
    pending_max = std::max(pending_max, node.store().pending_operations());
    node.Rounds(1);
    if (second % 10 == 9) REQUIRE(node.store().pending_operations() == 0);
    blob_max = std::max(blob_max, node.store().blob_bytes());
  }
  REQUIRE(pending_max == 500);
  REQUIRE(blob_max <= 2048 * (24 + 200 + 1) + 64);
  const std::uint64_t kept = ViewTreeState(AsBytes(*node.store().trees().Body(kKey)))->operations.count;
  REQUIRE(node.trims(Trim::kListCap).entries == 6000 - kept);
  REQUIRE(node.store().pending_bytes() == 0);
  REQUIRE(node.store().Version(kKey) == 6000);  // garbage collection at 60 rounds reset nothing
}

TEST_CASE("RawOps: pending is at most ten seconds of operations (§7.6), as reported and as measured") {
  constexpr int kPerSecond = 50;
  constexpr std::size_t kChars = 20'000;
  constexpr double kBound = 10.0 * kPerSecond * (24.0 + kChars + 1);
  Node node;
  node.Up(StreamRole::kDialer);
  int next = 0;
  for (int cycle = 0; cycle < 3; ++cycle) {
    const std::uint64_t live = prefixmesh::test::Allocations().live_bytes;
    for (int second = 0; second < 10; ++second, next += kPerSecond) {
      node.Put(next, kPerSecond, kChars);
      node.Tick();
      if (second < 9) node.Rounds(1);
    }
    REQUIRE(static_cast<double>(node.store().pending_bytes()) == Approx(kBound).epsilon(0.15));
    if (prefixmesh::test::kCountsAllocations) {
      const double measured = static_cast<double>(prefixmesh::test::Allocations().live_bytes - live);
      REQUIRE(measured == Approx(kBound).epsilon(0.15));
    }
    node.Rounds(1);  // the checkpoint
    REQUIRE(node.store().pending_bytes() == 0);
  }
}

TEST_CASE("RawOps: Report is running totals") {
  Node node;
  node.Up(StreamRole::kDialer);
  node.Put(0, 3, 100);
  StrategyReport report = node.ops().Report();
  REQUIRE(std::string(report.buffers[0].name) == "pending");
  REQUIRE(report.buffers[0].entries == 3);
  REQUIRE(report.buffers[0].bytes > 300);
  REQUIRE(report.records.local == 3);
  node.Tick();
  node.Rounds(10);
  report = node.ops().Report();
  REQUIRE(report.buffers[0].bytes == 0);
  REQUIRE(std::string(report.buffers[1].name) == "tree_configs");
  REQUIRE(report.buffers[1].entries == 1);
  REQUIRE(report.buffers[1].bytes == 24 + 1 + 3 * (24 + 100 + 1));
  REQUIRE(report.buffers[2].entries == 1);
  Actions none;
  node.ops().OnPeerDown(Time(0), kPeer, none);
  REQUIRE(node.ops().Report().buffers[2].entries == 0);
}

TEST_CASE("RawOps: tokens travel as tokens, and a ragged end is cut") {
  Node a, b;
  a.Up(StreamRole::kDialer);
  a.Put(std::string(67, '\x07'), "w", Kind::kTokens);
  const auto frame = a.Tick();
  REQUIRE(Open(*frame).delta.operations.at(0).kind == Kind::kTokens);
  b.Receive(*frame);
  REQUIRE(b.tree == std::set<std::string>{std::string(64, '\x07')});
}

TEST_CASE("RawOps: frames that do not decode change nothing and are counted") {
  prefixmesh::test::ForAll("cut or flipped frames", [] {
    Node node;
    node.Receive(FrameOf("tree_state", Encode(TreeState{"m", Remote(0, 3), 3}), 3));
    const TreeStateDelta delta{"m", Remote(3, 2), 3, 5};
    std::string frame = FrameOf("tree_state_delta", Encode(delta), 5);
    const bool cut = *rc::gen::arbitrary<bool>();
    if (cut) {
      frame.resize(*rc::gen::inRange<std::size_t>(0, frame.size()));
    } else {
      const auto at = *rc::gen::inRange<std::size_t>(0, frame.size());
      frame[at] = static_cast<char>(frame[at] ^ (1 << *rc::gen::inRange(0, 8)));
    }
    const std::uint64_t replayed = node.replayed;
    node.Receive(frame);
    const bool refused = node.ops().Report().decode_errors > 0;
    RC_ASSERT(!cut || refused);
    if (refused) {
      RC_ASSERT(node.ops().Report().decode_errors == 1u);
      RC_ASSERT(node.replayed == replayed);
      RC_ASSERT(node.store().Version(kKey) == 3u);
      RC_ASSERT(node.store().BlobVersion(kKey) == 3u);
      RC_ASSERT(node.records().received == 3u);
    }
  });
}

}  // namespace
}  // namespace prefixmesh::generations
