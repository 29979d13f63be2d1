// Goal: each hazard of a stream (H1 to H3, H10 to H12) is there as history had it, and gone when it is fixed. Method:
// the same steps with the hazard and without, on the strategies in which its code differs.
#include "tests/impl/sync/generations/hazards_node.h"

namespace prefixmesh::generations {
namespace {

using namespace test;

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

TEST_CASE("Hazard H1: what was queued and lost with its stream had been marked and trimmed; fixed, it is kept") {
  BothWays(Hazard::kMarkedUnheard, [](HazardSet set, bool fixed) {
    auto node = Raw(set, "a", {.constants = {.mark_trim_operations = 40}});
    node->Up(StreamRole::kDialer);
    node->PlaceMany(0, 50);
    REQUIRE(node->Tick().size() == 1);  // queued, and the stream breaks
    REQUIRE(node->records().sent == (fixed ? 0 : 50));
    node->Up(StreamRole::kDialer);
    const auto again = node->Tick();
    auto peer = Raw(set, "b");
    peer->Up(StreamRole::kServer);
    const auto answer = peer->Receive(again.at(0));
    REQUIRE(peer->HeldOf(0, 50) == (fixed ? 50 : 25));
    REQUIRE(answer.size() == (fixed ? 1 : 0));
    if (!fixed) return;
    node->PlaceMany(50, 1);
    REQUIRE(node->Tick().empty());  // one collection under way
    node->ReceiveAll(answer);
    REQUIRE(node->records().sent == 50);
    REQUIRE(DeltaOf(OnlyValue(node->Tick())).operations.size() == 1);
  });
}

TEST_CASE("Hazard H1: records that were taken out for a stream are gone with it; fixed, they go out again") {
  BothWays(Hazard::kMarkedUnheard, [](HazardSet set, bool fixed) {
    auto node = Tenants(set);
    node->Up(StreamRole::kDialer);
    node->PlaceMany(0, 3);
    const std::uint64_t bytes = node->buffer("tenant_deltas").bytes;
    REQUIRE(node->Tick(kFirst, SendOutcome::kFull).size() == 1);
    REQUIRE(node->Tick().size() == (fixed ? 1 : 0));
    REQUIRE((node->buffer("tenant_deltas").bytes > 0) == fixed);
    node->Up(StreamRole::kDialer);
    node->PlaceMany(3, 1);
    const auto frames = node->Tick();
    REQUIRE(DecodeTenantDelta(AsBytes(OnlyValue(frames).config))->inserts.size() == (fixed ? 4 : 1));
    if (!fixed) return;
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
  BothWays(Hazard::kMarkedUnheard, [](HazardSet set, bool fixed) {
    auto node = Raw(set);
    node->Up(StreamRole::kDialer);
    node->Receive(EncodeAcknowledgement(Store::kPolicy));
    REQUIRE(node->decode_errors() == (fixed ? 0 : 1));
    node->PlaceMany(0, 1);
    REQUIRE(node->Tick().size() == 1);
  });
}

TEST_CASE("Hazard H2: a dialer builds and refuses for ever what a serving end drops; fixed, both drop it") {
  BothWays(Hazard::kRoleDecides, [](HazardSet set, bool fixed) {
    for (const StreamRole role : {StreamRole::kDialer, StreamRole::kServer}) {
      auto node = Snapshots(set, "a", {.constants = {.batch_bytes = 10'000}});
      node->Up(role);
      node->PlaceMany(0, 50, 800);
      REQUIRE(node->Tick().empty());
      REQUIRE(node->refused.size() == 1);
      REQUIRE(node->Tick().empty());
      REQUIRE(node->refused.size() == (role == StreamRole::kDialer && !fixed ? 1 : 0));
    }
  });
}

TEST_CASE("Hazard H3: a dialer that has nothing does not ask for a snapshot; fixed, it does") {
  BothWays(Hazard::kOneSidedBootstrap, [](HazardSet set, bool fixed) {
    auto full = Raw(set, "b");
    full->PlaceMany(0, 5);
    full->Rounds(10);
    auto joiner = Raw(set);
    joiner->Up(StreamRole::kDialer);
    REQUIRE(joiner->control.size() == (fixed ? 1 : 0));
    for (const std::string& request : joiner->control) joiner->ReceiveAll(full->Receive(request));
    REQUIRE(joiner->HeldOf(0, 5) == (fixed ? 5 : 0));
    joiner->Up(StreamRole::kDialer);
    REQUIRE(joiner->control.empty());
  });
}

TEST_CASE("Hazard H10: one large tree holds back all others; fixed, they go out") {
  BothWays(Hazard::kWholeStoreBatch, [](HazardSet set, bool fixed) {
    for (const StreamRole role : {StreamRole::kDialer, StreamRole::kServer}) {
      auto node = Raw(set, "a", {.constants = {.batch_bytes = 5'000}});
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
      REQUIRE(frames.size() == (fixed ? 1 : 0));
      if (fixed) REQUIRE(OnlyValue(frames).key == "tree:m");
      // The one that went out is marked, though the gate stays open for the other at a dialer.
      REQUIRE(node->Tick(kFirst).empty());
    }
  });
}

TEST_CASE("Hazard H11: keys and framing are not in the size test; fixed, the whole frame is") {
  const auto frame_of = [](HazardSet set, std::uint64_t limit) {
    auto node = Raw(set, "a", {.constants = {.batch_bytes = limit}});
    node->Up(StreamRole::kDialer);
    node->PlaceMany(0, 1);
    return node->Tick();
  };
  const std::string frame = frame_of({}, 1'000).at(0);
  const std::uint64_t value_bytes = DecodeStoreFrame(AsBytes(frame))->entries.at(0).value.size();
  REQUIRE(value_bytes < frame.size());
  BothWays(Hazard::kValueBytes, [&](HazardSet set, bool fixed) {
    REQUIRE(frame_of(set, value_bytes - 1).empty());
    REQUIRE(frame_of(set, value_bytes).size() == (fixed ? 0 : 1));
    REQUIRE(frame_of(set, frame.size() - 1).size() == (fixed ? 0 : 1));
    REQUIRE(frame_of(set, frame.size()).size() == 1);
  });
}

TEST_CASE("Hazard H12: an entry above the transport's limit ends the stream; fixed, it comes in verified pieces") {
  BothWays(Hazard::kEntryChunks, [](HazardSet set, bool fixed) {
    auto full = Raw(set, "b", {.constants = {.batch_bytes = 1'000, .transport_bytes = 1u << 20}}), joiner = Raw(set);
    full->PlaceMany(0, 30, 50'000);
    full->Rounds(10);
    joiner->Up(StreamRole::kServer);
    const auto answer = full->Receive(joiner->control.at(0));
    REQUIRE(full->closed == (fixed ? 0 : 1));
    REQUIRE(answer.size() == (fixed ? 3 : 0));
    if (!fixed) {
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

TEST_CASE("Hazards: with all of them fixed, frames that do not decode change nothing and are counted as before") {
  const HazardSet all = *ParseHazards("H1,H2,H3,H4,H5,H6,H7,H9,H10,H11,H12,H13,H14");
  const auto fresh = [&] {
    auto node = Raw(all);
    node->Up(StreamRole::kDialer);
    return node;
  };
  const auto state = [](const GenerationNode& node) {
    return std::tuple(node.applied.size(), node.forgotten, node.as<RawOps>().store().generation());
  };
  CheckDamagedFrames(FrameWith(kTreeStateTag, Encode(TreeState{"m", Remote(0, 3), 3}), 3, "tree@b=m"), fresh, state);
  auto full = Raw(all, "b");
  full->PlaceMany(0, 3, 300);
  full->Rounds(10);
  CheckDamagedFrames(full->Receive(EncodeSnapshotRequest(Store::kPolicy)).at(0), fresh, state);
}

TEST_CASE("A peer that asks for snapshots all the time gets one a second, and the others are not held up") {
  for (const HazardSet set : {HazardSet{}, HazardSet{Hazard::kEntryChunks}}) {
    auto node = Raw(set);
    node->Up(StreamRole::kServer, kFirst);
    node->Up(StreamRole::kServer, kSecond);
    node->PlaceMany(0, 5);
    node->Rounds(10);
    const std::string request = EncodeSnapshotRequest(Store::kPolicy);
    const auto deferred = [&] {
      const StrategyReport report = node->strategy().Report();
      return report.rejects[report.reject_count - 1].count;
    };
    REQUIRE(node->Receive(request, kFirst).size() == 1);
    std::size_t answers = 0;
    for (int i = 0; i < 500; ++i) answers += node->Receive(request, kFirst).size();  // a millisecond each
    REQUIRE(answers == 0);
    REQUIRE(deferred() == 500);
    REQUIRE(node->Receive(request, kSecond).size() == 1);
    node->Tick(kFirst);  // too soon: the batch that is due anyway
    node->Rounds(1000);
    REQUIRE(node->Tick(kFirst).size() == 1);  // what was owed, once
    REQUIRE(node->Tick(kFirst).empty());
    // A stream that comes anew at once gets its snapshot a little later; what was owed to the one before is void.
    node->Receive(request, kFirst);
    node->Up(StreamRole::kServer, kFirst);
    REQUIRE(node->Receive(request, kFirst).empty());
    node->Up(StreamRole::kServer, kFirst);
    node->Rounds(1000);
    for (const std::string& frame : node->Tick(kFirst))
      REQUIRE(DecodeStoreFrame(AsBytes(frame))->kind == FrameKind::kBatch);
    REQUIRE(node->Receive(request, kFirst).size() == 1);
  }
}

}  // namespace
}  // namespace prefixmesh::generations
