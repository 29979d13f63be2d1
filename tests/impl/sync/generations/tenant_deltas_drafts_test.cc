// Goal: the drafts d5 to d8 of the seventh generation behave as they did, each in what tells it from the one before.
// Method: as tenant_deltas_test.cc. The drafts before them: path_deltas_test.cc.
#include "impl/base/prng.h"
#include "impl/wire/lz4_body.h"
#include "tests/impl/sync/generations/tenant_deltas_node.h"
#include "tests/support/allocations.h"

namespace prefixmesh::generations {
namespace {

using namespace test;

// ---- d6 -------------------------------------------------------------------------------------------------------------

TEST_CASE("TenantDeltas d6: the tree is exported every 10 rounds and converges a joiner") {
  auto node = MakeNode(kD6);
  node->PlaceMany(0, 30, 200);
  node->Rounds(10);
  REQUIRE(node->buffer("tree_configs").entries == 1);
  auto joiner = MakeNode(kD6);
  joiner->Up(StreamRole::kServer);
  const auto chunks = node->Receive(joiner->control.at(0));
  REQUIRE(OnlyValue(chunks).tag == kTreeStateLz4Tag);
  joiner->ReceiveAll(chunks);
  REQUIRE(joiner->HeldOf(0, 30, 200) == 30);
}

TEST_CASE("TenantDeltas d6: placements by load are indexed with the whole prompt") {
  auto node = MakeNode(kD6);
  node->Place("by load", "w", Kind::kText, true);
  REQUIRE(*node->as<TenantDeltas>().index().Find(Hash("by load")) == "by load");
}

TEST_CASE("TenantDeltas d6 (W17): two writers at the same version refuse each other's records") {
  auto a = MakeNode(kD6), b = MakeNode(kD6);
  a->Up(StreamRole::kDialer);
  b->Up(StreamRole::kServer);
  a->PlaceMany(0, 5);
  b->PlaceMany(0, 5);
  b->ReceiveAll(a->Tick());
  REQUIRE(b->records().stale == 5);
  REQUIRE(b->applied.empty());
}

TEST_CASE("TenantDeltas d6 (W16): of 31 rounds with data of a stream the 30th tells nothing") {
  auto node = MakeNode(kD6);
  node->Up(StreamRole::kDialer);
  std::size_t told = 0;
  for (int round = 1; round <= 31; ++round) {
    node->PlaceMany(round, 1);
    const auto frames = node->Tick();
    REQUIRE(frames.empty() == (round == 30));
    if (!frames.empty()) told += DeltaOf(frames).inserts.size();
  }
  REQUIRE(told == 30);
}

// ---- the other drafts -----------------------------------------------------------------------------------------------

TEST_CASE("TenantDeltas d5: the tree is exported as a list, which a serving end takes and a dialing end does not") {
  auto node = MakeNode(Draft(TenantDeltaDraft::kD5));
  node->Up(StreamRole::kDialer);
  node->PlaceMany(0, 30, 200);
  node->Tick();  // the records, so that the export is all that is left
  node->Rounds(10);
  const std::vector<std::string> frames = node->Tick();
  const Value body = OnlyValue(frames);
  REQUIRE(body.tag == kTreeStateLz4Tag);
  REQUIRE(DecodeTreeState(AsBytes(*DecompressBody(AsBytes(body.config))))->operations.size() >= 30);
  for (const StreamRole role : {StreamRole::kServer, StreamRole::kDialer}) {
    auto peer = MakeNode(Draft(TenantDeltaDraft::kD5));
    peer->Up(role);
    peer->ReceiveAll(frames);
    REQUIRE(peer->HeldOf(0, 30, 200) == (role == StreamRole::kServer ? 30 : 0));
    REQUIRE(peer->decode_errors() == 0);
    // Records are taken at both ends.
    peer->Place("known", "w");
    peer->Receive(FrameOf({"m", 1'000'000, {{Hash("known"), "w9", 0}}, {}}));
    REQUIRE(peer->applied.back().worker_name == "w9");
  }
}

TEST_CASE("TenantDeltas: only d6 indexes placements by load") {
  for (const TenantDeltaDraft draft : kDrafts) {
    auto node = MakeNode(Draft(draft));
    node->Place("by load", "w", Kind::kText, true);
    CHECK(node->as<TenantDeltas>().index().entries() == (draft == TenantDeltaDraft::kD6 ? 1 : 0));
  }
}

TEST_CASE("TenantDeltas: from d7 on nothing is exported while nothing changed, and what is above 8 MiB is dropped") {
  for (const TenantDeltaDraft draft : kDrafts) {
    const bool late = draft >= TenantDeltaDraft::kD7;
    INFO(static_cast<int>(draft));
    auto node = MakeNode(Draft(draft));
    node->Up(StreamRole::kDialer);
    node->PlaceMany(0, 3);
    node->Tick();
    node->Rounds(10);
    REQUIRE(OnlyValue(node->Tick()).tag == kTreeStateLz4Tag);
    node->Rounds(10);
    REQUIRE(node->Tick().size() == (late ? 0 : 1));

    auto large = MakeNode(Draft(draft));
    large->Up(StreamRole::kDialer);
    Prng prng(1);
    std::string noise;
    while (noise.size() < (9u << 20)) noise.push_back(static_cast<char>(prng.Next()));
    large->Place(noise);
    large->Tick();
    large->Rounds(10);
    REQUIRE(large->Tick().size() == (late ? 0 : 1));
    REQUIRE(large->refused.size() == (late ? 1 : 0));
  }
}

TEST_CASE("TenantDeltas (W15): in d7 and d8 garbage collection takes the bodies, and versions start again") {
  for (const TenantDeltaDraft draft : kDrafts) {
    const bool clears = draft == TenantDeltaDraft::kD7 || draft == TenantDeltaDraft::kD8;
    auto node = MakeNode(Draft(draft));
    node->Up(StreamRole::kDialer);
    node->PlaceMany(0, 5);
    node->Rounds(10);
    REQUIRE(node->buffer("tree_configs").entries == 1);
    node->Rounds(50);
    REQUIRE(node->buffer("tree_configs").entries == (clears ? 0 : 1));
    REQUIRE((node->as<TenantDeltas>().store().Version("tree:m") == 0) == clears);
  }
}

TEST_CASE("TenantDeltas: up to d7 every prompt is copied on the request thread, from d8 on those by load") {
  if (!prefixmesh::test::kCountsAllocations) return;
  const std::string prompt(100'000, 'p');
  const Slices slices(AsBytes(prompt));
  PlacementView view;
  view.model = "m";
  view.prompt = &slices;
  view.worker_name = "w";
  for (const TenantDeltaDraft draft : kDrafts) {
    auto node = MakeNode(Draft(draft));
    const std::uint64_t before = prefixmesh::test::Allocations().requested_bytes;
    REQUIRE(node->strategy().Capture(view)->bytes() < 1'000);
    const std::uint64_t copied = prefixmesh::test::Allocations().requested_bytes - before;
    CHECK((copied >= prompt.size()) == (draft <= TenantDeltaDraft::kD7));
  }
}

}  // namespace
}  // namespace prefixmesh::generations
