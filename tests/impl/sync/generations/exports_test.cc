// Goal: the fourth and the fifth generation in all their forms: the whole tree, every second or every ten. Method: T6,
// rules and signatures of the specification, each driven by hand against a live text tree.
#include <set>

#include "impl/base/prng.h"
#include "impl/sync/generations/checkpoint/checkpoint.h"
#include "impl/sync/generations/full_snapshot/full_snapshot.h"
#include "impl/wire/lz4_body.h"
#include "tests/impl/sync/generations/generation_node.h"
#include "tests/support/allocations.h"

namespace prefixmesh::generations {
namespace {

using namespace test;
using Full = FullSnapshotForm;
using Form = CheckpointForm;

constexpr const char* kKey = "tree:m";

std::unique_ptr<GenerationNode> MakeNode(Full form, const Constants& constants = {}) {
  return std::make_unique<GenerationNode>([&](const TextTreeView& view) {
    return std::make_unique<FullSnapshot>(FullSnapshotOptions{form, "a", constants}, view);
  });
}
std::unique_ptr<GenerationNode> MakeNode(Form form, const Constants& constants = {}) {
  return std::make_unique<GenerationNode>([&](const TextTreeView& view) {
    return std::make_unique<CheckpointSync>(CheckpointOptions{form, "a", constants}, view);
  });
}
std::string Noise(Prng& prng, std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) text.push_back(static_cast<char>(prng.Below(256)));
  return text;
}

TEST_CASE("FullSnapshot: below the limit two routers hold the same after a round, and then are silent") {
  auto a = MakeNode(Full::kLive), b = MakeNode(Full::kLive);
  a->Up(StreamRole::kDialer);
  b->Up(StreamRole::kServer);
  a->PlaceMany(0, 50, 300);
  b->ReceiveAll(a->Tick());
  REQUIRE(b->HeldOf(0, 50, 300) == 50);
  // It comes back to its origin, which refuses it (H6).
  const auto echo = b->Tick();
  REQUIRE(echo.size() == 1);
  a->ReceiveAll(echo);
  REQUIRE(a->merged == 0);
  REQUIRE(a->records().stale > 0);
  REQUIRE(a->Tick().empty());
  REQUIRE(b->Tick().empty());
}

TEST_CASE("FullSnapshot: two writers at the same counter refuse each other (H4)") {
  auto a = MakeNode(Full::kLive), b = MakeNode(Full::kLive);
  a->Up(StreamRole::kDialer);
  b->Up(StreamRole::kServer);
  a->PlaceMany(0, 3);
  b->PlaceMany(100, 3);
  const auto from_a = a->Tick(), from_b = b->Tick();
  a->ReceiveAll(from_b);
  b->ReceiveAll(from_a);
  REQUIRE(a->merged + b->merged == 0);
}

TEST_CASE(
    "FullSnapshot: above the limit nothing is delivered; a dialer builds and refuses every second for ever (H2)") {
  for (const StreamRole role : {StreamRole::kDialer, StreamRole::kServer}) {
    auto node = MakeNode(Full::kLive, {.batch_bytes = 20'000});
    node->Up(role);
    Prng prng(1);
    for (int i = 0; i < 30; ++i) node->Place(Noise(prng, 1'000));
    REQUIRE(node->Tick().empty());
    REQUIRE(node->refused.size() == 1);
    for (int second = 0; second < 10; ++second) {
      REQUIRE(node->Tick().empty());
      REQUIRE(node->refused.size() == (role == StreamRole::kDialer ? 1 : 0));
    }
    REQUIRE(node->records().sent == 0);
  }
}

TEST_CASE("FullSnapshot: a refused second costs the tree several times over in allocations") {
  auto node = MakeNode(Full::kLive, {.batch_bytes = 20'000});
  node->Up(StreamRole::kDialer);
  Prng prng(1);
  for (int i = 0; i < 200; ++i) node->Place(Noise(prng, 1'000));
  node->Tick();
  const std::uint64_t before = prefixmesh::test::Allocations().requested_bytes;
  node->Tick();
  if (prefixmesh::test::kCountsAllocations) {
    const std::uint64_t churn = prefixmesh::test::Allocations().requested_bytes - before;
    REQUIRE(churn > 2 * node->refused.at(0).bytes);
    REQUIRE(churn < 5 * node->refused.at(0).bytes);
  }
}

TEST_CASE("FullSnapshot/b T6: the same bytes nine times under nine versions, and nine merges") {
  auto a = MakeNode(Full::kStored), b = MakeNode(Full::kStored);
  a->Up(StreamRole::kDialer);
  b->Up(StreamRole::kServer);
  a->PlaceMany(0, 100, 200);
  a->Rounds(10);
  std::set<std::string> bodies;
  for (int second = 1; second <= 9; ++second) {
    a->PlaceMany(second * 1'000, 100, 200);
    const auto frames = a->Tick();
    bodies.insert(OnlyValue(frames).config);
    b->ReceiveAll(frames);
    a->Rounds(1);
  }
  REQUIRE(bodies.size() == 1);
  REQUIRE(b->merged == 9);
  REQUIRE(b->HeldOf(0, 100, 200) == 100);
  REQUIRE(b->HeldOf(1'000, 100, 200) == 0);
  a->Rounds(1);
  for (int second = 0; second < 25; ++second) {  // silence, over two exports: nothing moves the counter
    REQUIRE(a->Tick().empty());
    a->Rounds(1);
  }
}

TEST_CASE("Checkpoint: which forms an idle router exports and sends for ever: a, b, c; not d and e") {
  const auto frames_of_idle_minute = [](GenerationNode& node) {
    node.Up(StreamRole::kDialer);
    node.PlaceMany(0, 10, 100);
    node.Rounds(10);
    REQUIRE(node.Tick().size() == 1);
    int frames = 0;
    for (int second = 0; second < 60; ++second) {
      node.Rounds(1);
      frames += static_cast<int>(node.Tick().size());
    }
    return frames;
  };
  REQUIRE(frames_of_idle_minute(*MakeNode(Full::kCheckpoint)) == 6);
  REQUIRE(frames_of_idle_minute(*MakeNode(Form::kB)) == 6);
  REQUIRE(frames_of_idle_minute(*MakeNode(Form::kC)) == 6);
  REQUIRE(frames_of_idle_minute(*MakeNode(Form::kD)) == 0);
  REQUIRE(frames_of_idle_minute(*MakeNode(Form::kE)) == 0);
}

TEST_CASE("Checkpoint d, e: what a peer sent opens the gate of the export, as a placement does") {
  for (const Form form : {Form::kD, Form::kE}) {
    auto node = MakeNode(form);
    node->PlaceMany(0, 1);
    node->Rounds(10);
    const std::uint64_t exported = node->as<CheckpointSync>().exported_bytes();
    REQUIRE(exported > 0);
    node->Rounds(20);
    REQUIRE(node->as<CheckpointSync>().exported_bytes() == exported);
    node->Receive(FrameWith(kTreeStateTag, Encode(TreeState{"m", {{.prompt = "remote", .tenant = "w9"}}, 50}), 50));
    node->Rounds(10);
    REQUIRE(node->as<CheckpointSync>().exported_bytes() > exported);
  }
}

TEST_CASE("Checkpoint c, d, e: a stale state of a peer does not take the place of a newer own snapshot") {
  for (const Form form : {Form::kC, Form::kD, Form::kE}) {
    auto node = MakeNode(form);
    node->PlaceMany(0, 5);
    node->Rounds(10);
    REQUIRE(node->as<CheckpointSync>().store().Version(kKey) == 6);
    const std::uint64_t body = node->buffer("tree_configs").bytes;
    const auto list = [](std::uint64_t version) {
      return Encode(TreeState{"m", {{.prompt = "remote", .tenant = "w9"}}, version});
    };
    node->Receive(FrameWith(kTreeStateLz4Tag, *CompressBody(AsBytes(list(6))), 6));
    REQUIRE(node->records().stale == 1);
    REQUIRE(node->applied.empty());
    REQUIRE(node->buffer("tree_configs").bytes == body);
    node->Receive(FrameWith(kTreeStateLz4Tag, *CompressBody(AsBytes(list(7))), 7));
    REQUIRE(node->applied.size() == 1);
    REQUIRE(node->as<CheckpointSync>().store().BlobVersion(kKey) == 7);
  }
}

TEST_CASE("Checkpoint d: two idle routers whose exports are news to each other go on exporting, one after the other") {
  for (const Form form : {Form::kC, Form::kD}) {
    auto a = MakeNode(form), b = MakeNode(form);
    a->Up(StreamRole::kDialer);
    b->Up(StreamRole::kServer);
    a->PlaceMany(0, 10, 100);
    int frames = 0;
    for (int second = 0; second < 90; ++second) {
      if (second == 30) frames = 0;  // three checkpoints to settle
      a->Rounds(1);
      b->Rounds(1);
      const auto from_a = a->Tick(), from_b = b->Tick();
      frames += static_cast<int>(from_a.size() + from_b.size());
      b->ReceiveAll(from_a);
      a->ReceiveAll(from_b);
    }
    REQUIRE(frames == 12);  // an export every 10 s and its echo, or two exports
  }
}

TEST_CASE("Checkpoint e (W15): garbage collection takes the stored trees, and versions go back") {
  for (const Form form : {Form::kD, Form::kE}) {
    auto node = MakeNode(form);
    node->Up(StreamRole::kDialer);
    node->Receive(FrameWith(kTreeStateTag, Encode(TreeState{"m", {{.prompt = "remote", .tenant = "w9"}}, 50}), 50));
    node->Rounds(60);
    const bool goes_back = form == Form::kE;
    REQUIRE(node->buffer("tree_configs").entries == (goes_back ? 0 : 1));
    REQUIRE((node->buffer("tree_configs").bytes == 0) == goes_back);
    node->PlaceMany(0, 1);
    REQUIRE((node->as<CheckpointSync>().store().Version(kKey) == 1) == goes_back);
    REQUIRE((node->as<CheckpointSync>().store().Version(kKey) >= 51) == !goes_back);
  }
}

TEST_CASE("Checkpoint: a peer holds what was exported, in every form; under load the same body goes out each second") {
  for (const Form form : {Form::kB, Form::kC, Form::kD, Form::kE}) {
    auto a = MakeNode(form), b = MakeNode(form);
    a->Up(StreamRole::kDialer);
    b->Up(StreamRole::kServer);
    a->PlaceMany(0, 40, 300);
    REQUIRE(a->Tick().empty());  // nothing before the first export
    a->Rounds(10);
    const auto frames = a->Tick();
    const Value value = OnlyValue(frames);
    REQUIRE(value.tag == kTreeStateLz4Tag);
    const std::string body = *DecompressBody(AsBytes(value.config));
    REQUIRE(DecodeTreeState(AsBytes(body)).ok() == (form == Form::kB));
    REQUIRE(DecodeTreeSnapshot(AsBytes(body)).ok() == (form != Form::kB));
    REQUIRE(value.label == 41);  // 40 placements and the export
    b->ReceiveAll(frames);
    REQUIRE(b->HeldOf(0, 40, 300) == 40);
    a->PlaceMany(100, 1);
    REQUIRE(OnlyValue(a->Tick()).config == value.config);
  }
}

TEST_CASE("Checkpoint b: the flat list repeats all text above a node, the snapshot has it once") {
  auto flat = MakeNode(Form::kB), compact = MakeNode(Form::kC);
  for (auto* node : {flat.get(), compact.get()}) {
    for (int i = 0; i < 100; ++i) node->Place(std::string(5'000, 'h') + std::to_string(i * 7919));
    node->Rounds(10);
  }
  REQUIRE(flat->as<CheckpointSync>().exported_bytes() > 50 * compact->as<CheckpointSync>().exported_bytes());
}

TEST_CASE("Checkpoint (H14, X10): of a tree of 5,000 leaves a receiver gets at most 2,048 operations") {
  auto a = MakeNode(Form::kE), b = MakeNode(Form::kE);
  a->Up(StreamRole::kDialer);
  a->PlaceMany(0, 5'000);
  a->Rounds(10);
  b->ReceiveAll(a->Tick());
  REQUIRE(b->applied.size() <= 2'048);
  REQUIRE(b->trims(Trim::kListCap).times == 1);
  REQUIRE(b->trims(Trim::kListCap).entries >= 5'000 - 2'048);
  REQUIRE(b->HeldOf(0, 5'000) < 2'048);
  REQUIRE(b->HeldOf(0, 5'000) > 500);
}

TEST_CASE("Checkpoint e: above 8 MiB compressed the export is dropped, until the version moves; d refuses the batch") {
  Prng prng(1);
  for (const Form form : {Form::kD, Form::kE}) {
    auto node = MakeNode(form, {.compressed_bytes = 10'000});
    node->Up(StreamRole::kDialer);
    for (int i = 0; i < 20; ++i) node->Place(Noise(prng, 1'000));
    node->Rounds(10);
    const bool capped = form == Form::kE;
    REQUIRE(node->Tick().size() == (capped ? 0 : 1));
    REQUIRE(node->refused.size() == (capped ? 1 : 0));
    if (!capped) continue;
    REQUIRE(node->refused[0].limit_bytes == 10'000);
    REQUIRE(node->Tick().empty());
    REQUIRE(node->refused.empty());
    node->PlaceMany(0, 1);
    REQUIRE(node->Tick().empty());
    REQUIRE(node->refused.size() == 1);  // the next second under load
  }
}

TEST_CASE("Checkpoint: an export takes the place of newer bytes of a peer") {
  auto node = MakeNode(Form::kE);
  node->Up(StreamRole::kServer);
  node->Receive(FrameWith(kTreeStateTag, Encode(TreeState{"m", {{.prompt = "remote", .tenant = "w9"}}, 50}), 50));
  REQUIRE(node->as<CheckpointSync>().store().Version(kKey) == 50);
  node->PlaceMany(0, 1);
  node->Rounds(10);
  REQUIRE(node->as<CheckpointSync>().store().Version(kKey) == 52);
  REQUIRE(node->as<CheckpointSync>().store().BlobVersion(kKey) == 0);
  // And a delta on it does not decode (W20).
  node->Receive(
      FrameWith(kTreeStateDeltaTag, Encode(TreeStateDelta{"m", {{.prompt = "delta", .tenant = "w9"}}, 0, 99}), 99));
  REQUIRE(node->decode_errors() == 1);
}

TEST_CASE("FullSnapshot and Checkpoint: the copy of the prompt is made and dropped, the body is what stays") {
  auto node = MakeNode(Full::kStored);
  const std::optional<Offer> offer = node->Capture(std::string(80'000, 'x'));
  REQUIRE(offer->prompt.capacity() < 100);
  node->PlaceMany(0, 5, 1'000);
  REQUIRE(node->buffer("tree_configs").bytes == 0);
  node->Rounds(10);
  REQUIRE(node->buffer("tree_configs").bytes > 80'000);
}

TEST_CASE("FullSnapshot and Checkpoint: frames that do not decode change nothing and are counted") {
  const TreeSnapshot snapshot{{{"", {{"w9", 0}}, 1}, {"remote", {{"w9", 1}}, 0}}};
  CheckDamagedFrames(
      FrameWith(kTreeSnapshotTag, Encode(snapshot), 9), [] { return MakeNode(Full::kLive); },
      [](const GenerationNode& node) { return std::tuple(node.merged, node.as<FullSnapshot>().Version(kKey)); });
  auto node = MakeNode(Form::kE);
  node->Receive(FrameWith(kTreeStateLz4Tag, CompressBody(AsBytes(Encode(snapshot)))->substr(0, 20), 9));
  REQUIRE(node->decode_errors() == 1);
  REQUIRE(node->as<CheckpointSync>().store().blobs() == 0);
}

}  // namespace
}  // namespace prefixmesh::generations
