// Goal: a peer that may say anything, sealed as it should be, takes nothing from the other peers and from this router:
// not their entries, not its workers' registers, not its time. Method: frames by hand; what the strategy does about
// them is the oracle.
// Long: what a peer may claim, one thing after the other.
#include "tests/impl/sync/two_layer/hostile_peer.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>

#include "impl/sync/two_layer/frame_reader.h"
#include "impl/sync/two_layer/load_table.h"
#include "tests/support/allocations.h"

namespace prefixmesh::two_layer {
namespace {

using test::Victim;

constexpr std::uint16_t kHostile = 0, kHonest = 1;

std::size_t CountKind(const std::vector<SendFrame>& sent, FrameKind kind) {
  std::size_t count = 0;
  for (const SendFrame& send : sent) count += *PeekKind(AsBytes(send.frame)) == kind;
  return count;
}

// ---- registers

TEST_CASE("Hostile peer: an incarnation that no worker can have does not decode") {
  Victim victim;
  const std::uint64_t seal = victim.Seal(kHostile);
  const auto opens = [&](std::uint64_t value) {
    const WorkerName worker{"w", Incarnation{value}};
    Round round;
    round.workers.push_back({0, worker});
    const bool registers = DecodeRegisters(AsBytes(EncodeRegisters({worker}, seal)), seal).ok();
    const bool defined = DecodeRound(AsBytes(EncodeRound(round, {}, seal)), seal).ok();
    REQUIRE(registers == defined);
    return registers;
  };
  REQUIRE(opens(kWorkerIncarnationMax.value));
  REQUIRE_FALSE(opens(kWorkerIncarnationMax.value + 1));
  REQUIRE_FALSE(opens(UINT64_MAX));
}

TEST_CASE("Hostile peer: what it says of an own worker's register is neither kept nor told, and the worker is asked") {
  Victim victim({"h", "b"}, {{"w", Incarnation{5}, 0}});
  victim.Connect(kHostile);
  victim.Connect(kHonest);
  for (int i = 0; i < 40; ++i) {
    victim.SayRegisters(kHostile, {{"w", kWorkerIncarnationMax}, {"v", Incarnation{3}}});
    victim.SayRecords(kHostile, 1 + static_cast<std::uint32_t>(i), 1,
                      {"w", Incarnation{kWorkerIncarnationMax.value - static_cast<std::uint64_t>(i)}});
    victim.Round();
    if (i == 20) victim.Hear(0, 6);  // it restarts meanwhile
  }
  REQUIRE(victim.RegisterOf("w") == 6);
  REQUIRE(victim.RegisterOf("v") == 3);  // of others the maximum counts
  REQUIRE(victim.applied.empty());
  REQUIRE_FALSE(victim.asked.empty());
  for (const SendFrame& send : victim.sent) {
    if (*PeekKind(AsBytes(send.frame)) != FrameKind::kRegisters) continue;
    const std::uint64_t seal = victim.SealTo(send.peer.value);
    const auto registers = DecodeRegisters(AsBytes(send.frame), seal);
    REQUIRE(registers.ok());
    for (const WorkerName& worker : *registers) REQUIRE(worker.incarnation.value <= 6);
  }
  victim.Hear(0, 7);  // and after it
  victim.Round();
  REQUIRE(victim.RegisterOf("w") == 7);
  victim.SayRecords(kHonest, 1, 3, {"w", Incarnation{7}});
  REQUIRE(victim.applied.size() == 3);
}

TEST_CASE("Records that name a life before the worker did are applied when it does, each once, and no others") {
  Victim victim({"h", "b"}, {{"w", Incarnation{5}, 0}});
  victim.Connect(kHonest);
  victim.SayRecords(kHonest, 1, 10, {"w", Incarnation{5}});
  REQUIRE(victim.applied.size() == 10);
  victim.SayRecords(kHonest, 11, 5000, {"w", Incarnation{6}});  // the peer met it first
  victim.SayRecords(kHonest, 5011, 7, {"w", Incarnation{9}});
  REQUIRE(victim.applied.size() == 10);
  REQUIRE(victim.asked.size() == 2);  // once for each frame
  victim.Hear(0, 6);
  victim.SayRecords(kHonest, 5018, 2, {"w", Incarnation{6}});
  std::size_t most = 0;
  for (int i = 0; i < 5; ++i) {
    const std::size_t before = victim.applied.size();
    victim.Round();
    most = std::max(most, victim.applied.size() - before);
  }
  REQUIRE(most <= DeferredRecords::kAppliedMax);
  std::map<std::uint32_t, int> times;
  for (const ApplyIds& ids : victim.applied) ++times[ids.seq];
  REQUIRE(times.size() == 10 + 5000 + 2);
  REQUIRE(victim.applied.size() == 10 + 5000 + 2);
  REQUIRE(times.count(5011) == 0);
  REQUIRE(victim.strategy().Report().records.applied == 10 + 5000 + 2);
  victim.Hear(0, 9);
  for (int i = 0; i < 3; ++i) victim.Round();
  REQUIRE(victim.applied.size() == 10 + 5000 + 2 + 7);
}

// Found by reading: they were passed over by the pass that ran, and the next one did not look at them.
TEST_CASE("Records whose worker confirms them while others' are being applied are applied, too") {
  Victim victim({"h", "b"}, {{"w", Incarnation{5}, 0}, {"x", Incarnation{5}, 0}});
  victim.Connect(kHonest);
  victim.SayRecords(kHonest, 1, 5000, {"w", Incarnation{6}});  // more than one round applies
  victim.SayRecords(kHonest, 5001, 3, {"x", Incarnation{6}});
  victim.Hear(0, 6);
  victim.Round();
  REQUIRE(victim.applied.size() < 5000);
  victim.Hear(1, 6);
  for (int i = 0; i < 4; ++i) victim.Round();
  REQUIRE(victim.applied.size() == 5003);
}

TEST_CASE("Registers that go on differing are said again ever more seldom") {
  Victim victim({"h", "b"}, {{"w", Incarnation{5}, 0}});
  victim.Connect(kHostile);
  Round round;
  round.has_digest = true;
  round.digest.register_hash = 1;
  victim.sent.clear();
  for (int i = 0; i < 20 * 60; ++i) {
    if (i % 20 == 0) victim.Say(kHostile, round);
    victim.Round();
  }
  REQUIRE(CountKind(victim.sent, FrameKind::kRegisters) <= 12);
  REQUIRE(CountKind(victim.sent, FrameKind::kRegisters) >= 7);
}

// ---- what is owed

TEST_CASE("Hostile peer: ranges of logs that nobody keeps are refused, a few, and leave nothing that is owed") {
  Victim victim;
  victim.Connect(kHostile);
  victim.sent.clear();
  std::uint64_t key = 0;
  for (int i = 0; i < 200; ++i) {
    Round round;
    for (int k = 0; k < 250; ++k) {
      Range range;
      range.key = {"invented", Incarnation{++key}};
      range.records.push_back({1, 3, 3, false, {NodeId{5}}});  // slots that were never defined
      round.ranges.push_back(std::move(range));
    }
    victim.Say(kHostile, round);
    if (i % 10 == 9) victim.Round();
  }
  REQUIRE(victim.Rejects("unknown_origin") == 200 * 250);
  REQUIRE(CountKind(victim.sent, FrameKind::kRefuse) <= 21 * kRefusalsMax);
  REQUIRE(victim.Rejects("refusals_dropped") > 0);
  REQUIRE(victim.sent_bytes < 40'000);
}

TEST_CASE("What is owed to a peer that does not read is not built at every beat, and arrives when it reads") {
  Victim victim({"h", "b"}, {{"w", Incarnation{1}, 0}});
  victim.Connect(kHostile);
  victim.Round();
  victim.outcome = SendOutcome::kFull;
  victim.sent.clear();
  victim.sent_bytes = 0;
  for (int i = 0; i < 20 * 40; ++i) {
    victim.Place("w", 1, static_cast<std::uint64_t>(i) * 1000 + 1);
    victim.SayRecords(kHostile, 1 + static_cast<std::uint32_t>(i), 1, {"w", Incarnation{1}});
    victim.SayVector(kHostile, {}, true);
    victim.Round();
  }
  REQUIRE(victim.sent.size() <= 100);  // of 1,600 beats and vectors
  victim.outcome = SendOutcome::kQueued;
  victim.sent.clear();
  for (int i = 0; i < 30; ++i) victim.Round();
  bool acked = false;
  const std::uint64_t seal = victim.SealTo(kHostile);
  for (const SendFrame& send : victim.sent)
    if (const auto round = DecodeRound(AsBytes(send.frame), seal); round.ok())
      for (const Ack& ack : round->acks) acked = acked || ack.have == 801;
  REQUIRE(acked);
}

TEST_CASE("No more acks are due than a frame may hold, and the peer's own log is always among them") {
  // Log after log of one peer that is alone, each acked at the next round and gone before it.
  Victim victim({"h"});
  victim.Connect(kHostile);
  for (std::uint64_t life = 0; life < 600; ++life) {
    std::vector<Position> positions;
    positions.push_back({{"x", Incarnation{life + 1}}, 1, 2, 0, 0, 0});
    victim.SayVector(kHostile, positions);
    Round round;
    Range range;
    range.key = positions[0].key;
    round.ranges.push_back(std::move(range));
    round.ranges.emplace_back();
    victim.Say(kHostile, round);
    victim.Hand(kHostile, EncodeRefusal({RefuseReason::kFork, positions[0].key}));
  }
  REQUIRE(victim.Rejects("acks_dropped") == 600 + 1 - kPositionsMax);
  victim.sent.clear();
  for (int i = 0; i < 20; ++i) victim.Round();
  const std::uint64_t seal = victim.SealTo(kHostile);
  bool own = false;
  for (const SendFrame& send : victim.sent) {
    if (*PeekKind(AsBytes(send.frame)) != FrameKind::kRound) continue;
    const auto round = DecodeRound(AsBytes(send.frame), seal);
    REQUIRE(round.ok());
    for (const Ack& ack : round->acks) own = own || ack.key.router.empty();
  }
  REQUIRE(own);
}

TEST_CASE("Hostile peer: small frames that ask for much get it once a second") {
  Options options;
  options.page_bytes = 64 << 10;
  Victim victim({"h", "b"}, {{"w", Incarnation{1}, 0}}, options);
  for (std::uint64_t i = 0; i < 40'000; ++i) victim.Place("w", 1, i * 7919 + 1);
  victim.Round();
  victim.Connect(kHostile);
  victim.Round();
  const auto seconds_of = [&](const std::function<void()>& frames) {
    victim.sent.clear();
    victim.sent_bytes = 0;
    for (int beat = 0; beat < 20 * 5; ++beat) {
      for (int i = 0; i < 50; ++i) frames();
      victim.Round();
    }
    return victim.sent_bytes / 5;
  };
  SECTION("vectors and pulls of what there is no more of") {
    seconds_of([&] {
      victim.SayVector(kHostile, {}, true);
      victim.Hand(kHostile, EncodePull({victim.replica().own().key, 40'001}, victim.Seal(kHostile)));
    });
    REQUIRE(CountKind(victim.sent, FrameKind::kVector) <= 6);
  }
  SECTION("names again") {
    Round round;
    round.resync = true;
    seconds_of([&] { victim.Say(kHostile, round); });
    std::size_t defining = 0;
    const std::uint64_t seal = victim.SealTo(kHostile);
    for (const SendFrame& send : victim.sent)
      if (const auto said = DecodeRound(AsBytes(send.frame), seal); said.ok()) defining += !said->workers.empty();
    REQUIRE(defining <= 6);
  }
  SECTION("holes and refusals: pages no faster than a transfer may go") {
    Round round;
    round.acks.push_back({{}, 1, true});
    REQUIRE(seconds_of([&] {
              victim.Say(kHostile, round);
              victim.Hand(kHostile, EncodeRefusal({RefuseReason::kCorrupt, {}}));
            }) <= 20 * (kFlushBytesMax + 2 * options.page_bytes));
  }
  REQUIRE(victim.closed.empty());
}

TEST_CASE("Hostile peer: a stream that was ended is not read any more, and ends once") {
  Victim victim;
  victim.Connect(kHostile);
  for (int i = 0; i < 100; ++i) victim.Hand(kHostile, "\x02 corrupt");
  REQUIRE(victim.closed == std::vector<std::string>{"corrupt"});
  victim.SayRegisters(kHostile, {{"v", Incarnation{3}}});
  REQUIRE(victim.RegisterOf("v") == 0);
  victim.Connect(kHonest);
  for (int i = 0; i < 10; ++i) victim.Hand(kHonest, EncodeRefusal({RefuseReason::kVersion, {}}));
  REQUIRE(victim.closed == std::vector<std::string>{"corrupt", "refused_version"});
}

// ---- tables that all share

TEST_CASE("Hostile peer: logs that it invents leave room for everyone else's, and for its own") {
  Victim victim;
  victim.Connect(kHostile);
  for (std::uint64_t frame = 0; frame < 4; ++frame) {
    std::vector<Position> positions;
    for (std::uint64_t i = 0; i < kPositionsMax; ++i)
      positions.push_back({{i % 2 == 0 ? "invented" : "b", Incarnation{frame * 1000 + i + 1}}, 1, 9, 0, 0, 0});
    victim.SayVector(kHostile, positions);
  }
  REQUIRE(victim.replica().logs().size() <= 1 + 127);
  REQUIRE(victim.Rejects("logs_refused") > 0);
  REQUIRE(victim.Rejects("logs_evicted") > 0);
  std::size_t invented = 0;
  for (const auto& log : victim.replica().logs()) invented += log->key.router == "invented";
  REQUIRE(invented == 0);  // names that are configured go first
  // Its own log, an honest peer's, and what that one knows of routers it met.
  victim.SayRecords(kHostile, 1, 1, {"w", Incarnation{1}});
  victim.Connect(kHonest);
  victim.SayRecords(kHonest, 1, 1, {"w", Incarnation{1}});
  REQUIRE(victim.applied.size() == 2);
  std::vector<Position> known;
  for (std::uint64_t i = 0; i < 100; ++i) known.push_back({{"c", Incarnation{i + 1}}, 1, 9, 0, 0, 0});
  victim.SayVector(kHonest, known);
  std::size_t held = 0;
  for (const auto& log : victim.replica().logs()) held += log->key.router == "c";
  REQUIRE(held == 100);
}

TEST_CASE("Hostile peer: names that it invents leave room for this router's placements and for other peers' names") {
  Victim victim({"h", "b"}, {{"own", Incarnation{1}, 0}});
  victim.Connect(kHonest);
  std::uint32_t seq = 1;
  for (int stream = 0; stream < 3; ++stream) {
    victim.Connect(kHostile);  // it was refused and comes back
    const std::size_t closed = victim.closed.size();
    for (int i = 0; i < 3000 && victim.closed.size() == closed; ++i, ++seq)
      victim.SayRecords(kHostile, seq, 1, {"invented/" + std::to_string(seq), Incarnation{1}});
  }
  REQUIRE(victim.closed == std::vector<std::string>(3, "names"));
  REQUIRE(seq < 2000);
  for (std::uint64_t i = 0; i < 1000; ++i)  // as many lives of an own worker
    victim.Place("own", 1 + i, i * 1000 + 1);
  victim.Round();
  REQUIRE(victim.strategy().Report().records.unresolved == 0);
  for (std::uint32_t i = 0; i < 500; ++i)
    victim.SayRecords(kHonest, 1 + i, 1, {"theirs/" + std::to_string(i), Incarnation{1}});
  REQUIRE(victim.closed.size() == 3);
  REQUIRE(std::count_if(victim.applied.begin(), victim.applied.end(),
                        [](const ApplyIds& ids) { return ids.worker_name.starts_with("theirs/"); }) == 500);
}

TEST_CASE("A router whose former life had all names of its share gets its log taken all the same") {
  Victim victim({"h", "b"}, {{"own", Incarnation{1}, 0}});
  victim.Connect(kHonest);
  for (std::uint32_t seq = 1; victim.closed.empty(); ++seq)
    victim.SayRecords(kHonest, seq, 1, {"w" + std::to_string(seq), Incarnation{1}});
  victim.SetLife(kHonest, 999);
  victim.Connect(kHonest);
  victim.SayRecords(kHonest, 1, 1, {"another", Incarnation{1}});
  REQUIRE(victim.HeadOf(victim.KeyOf(kHonest)) == 2);
  REQUIRE(victim.closed.size() == 1);
}

TEST_CASE("Hostile peer: a log that an honest peer relays cannot crowd out what that peer says itself") {
  Victim victim({"b"}, {{"own", Incarnation{1}, 0}});
  victim.Connect(0);
  const OriginKey theirs{"h", Incarnation{3}};
  victim.SayVector(0, {{theirs, 1, 5000, 0, 0, 0}});
  for (std::uint32_t seq = 1; seq < 4000; ++seq)
    victim.SayRecords(0, seq, 1, {"invented/" + std::to_string(seq), Incarnation{1}}, theirs);
  REQUIRE(victim.Rejects("names") > 0);
  REQUIRE(victim.closed.empty());
  for (std::uint32_t seq = 1; seq <= 1000; ++seq)
    victim.SayRecords(0, seq, 1, {"true/" + std::to_string(seq), Incarnation{1}});
  REQUIRE(victim.closed.empty());
  REQUIRE(victim.HeadOf(victim.KeyOf(0)) == 1001);
}

TEST_CASE("Hostile peer: registers of workers that it invents leave room for other peers', and own ones always fit") {
  std::vector<std::string> names;
  for (int i = 0; i < 1000; ++i) names.push_back("own" + std::to_string(i));
  std::vector<WorkerLoad> own;
  for (const std::string& name : names) own.push_back({name, Incarnation{}, 0});
  Victim victim({"h", "b"}, own);
  victim.Connect(kHostile);
  victim.Connect(kHonest);
  for (std::uint64_t frame = 0; frame < 4; ++frame) {
    std::vector<WorkerName> invented;
    for (std::uint64_t i = 0; i < 1024; ++i)
      invented.push_back({std::to_string(frame) + "/" + std::to_string(i), Incarnation{1}});
    victim.SayRegisters(kHostile, invented);
  }
  REQUIRE(victim.Rejects("registers_refused") > 0);
  for (std::uint64_t i = 0; i < 400; ++i) victim.SayRegisters(kHonest, {{"other" + std::to_string(i), Incarnation{2}}});
  for (std::size_t i = 0; i < own.size(); ++i) victim.Hear(i, 5);
  victim.Round();
  for (std::uint64_t i = 0; i < 400; ++i) REQUIRE(victim.RegisterOf("other" + std::to_string(i)) == 2);
  for (const std::string& name : names) REQUIRE(victim.RegisterOf(name) == 5);
}

TEST_CASE("Hostile peer: the requests it claims to have in flight count up to 4,096 in all, and go with it") {
  Victim victim({"h", "b"}, {{"w0", Incarnation{1}, 0}, {"w1", Incarnation{1}, 0}, {"w2", Incarnation{1}, 0}});
  victim.Connect(kHostile);
  const auto say = [&](std::vector<std::uint32_t> in_flight) {
    Round round;
    for (std::uint16_t i = 0; i < in_flight.size(); ++i) {
      round.workers.push_back({i, {"w" + std::to_string(i), Incarnation{1}}});
      round.loads.push_back({i, in_flight[i]});
    }
    victim.Say(kHostile, round);
    std::uint64_t sum = 0;
    for (const auto& [worker, count] : victim.peer_loads) sum += count;
    return sum;
  };
  REQUIRE(say({1'000'000, 0, 0}) == 4096);
  REQUIRE(say({1'000'000, 1'000'000, 0}) <= 4096);
  REQUIRE(say({UINT32_MAX, UINT32_MAX, UINT32_MAX}) <= 4096);
  REQUIRE(victim.Rejects("loads_clamped") > 0);
  REQUIRE(say({3, 2, 1}) == 6);
  REQUIRE(say({4096, 0, 0}) == 4096);
  victim.Disconnect(kHostile);
  REQUIRE(victim.peer_loads.empty());
}

TEST_CASE(
    "A load that a repeated round gave to a worker of which the peer does not speak goes, and nothing is asked on") {
  Victim victim({"h", "b"}, {{"w0", Incarnation{1}, 0}, {"w9", Incarnation{1}, 0}});
  victim.Connect(kHostile);
  Round first, busy, renamed;
  first.workers.push_back({0, {"w0", Incarnation{1}}});
  busy.loads.push_back({0, 2});
  renamed.workers = {{0, {"w9", Incarnation{1}}}, {1, {"w0", Incarnation{2}}}};
  for (const Round& round : {first, busy, renamed, busy}) victim.Say(kHostile, round);
  REQUIRE(victim.peer_loads == std::map<std::string, std::uint32_t>{{"w0", 2}, {"w9", 2}});
  int asked = 0;
  for (int second = 0; second < 10; ++second) {
    victim.sent.clear();
    Round digest;
    digest.has_digest = true;
    digest.digest.load_hash = LoadTable::EntryHash("w0", 2);
    victim.Say(kHostile, digest);
    for (int beat = 0; beat < 20; ++beat) victim.Round();
    bool now = false;
    for (const SendFrame& send : victim.sent)
      if (const auto said = DecodeRound(AsBytes(send.frame), victim.SealTo(kHostile)); said.ok()) now |= said->resync;
    asked += now;
    if (!now) continue;
    Round again = renamed;
    again.loads.push_back({1, 2});
    victim.Say(kHostile, again);
  }
  REQUIRE(victim.peer_loads == std::map<std::string, std::uint32_t>{{"w0", 2}});
  REQUIRE(asked <= 2);
}

// ---- memory

TEST_CASE("Hostile peer: a frame of the smallest records is taken with twice its size and 1 MiB") {
  if (!prefixmesh::test::kCountsAllocations) return;
  Victim victim({"h", "b"}, {{"w", Incarnation{1}, 0}});
  victim.Connect(kHostile);
  // Runs as long as they may be, of one id each: 7 bytes a record.
  const ScopeName scope{"m", Kind::kText};
  const WorkerName worker{"w", Incarnation{1}};
  Round round;
  round.scopes.push_back({0, scope});
  round.workers.push_back({0, worker});
  Range range;
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < 52'000; ++i) {
    Record record;
    record.seq = 1 + i;
    record.ids = {NodeId{1 + (i % 4096) * (UINT64_MAX / 4096)}};
    sum += EntryHash(record, scope.Hash(), worker.Hash());
    range.records.push_back(std::move(record));
  }
  range.checksum = static_cast<std::uint32_t>(sum);
  round.ranges.push_back(std::move(range));
  const std::string frame = EncodeRound(round, SlotBitsFor(1, 1), victim.Seal(kHostile));
  REQUIRE(frame.size() < 8 * 52'000);
  std::uint64_t applied = 0;
  Actions actions([&](const Action& action) { applied += std::holds_alternative<ApplyIds>(action); });
  const std::uint64_t peak = prefixmesh::test::PeakOf(
      [&] { victim.strategy().OnFrame(victim.now, PeerIndex{kHostile}, AsBytes(frame), actions); });
  REQUIRE(applied == 52'000);
  REQUIRE(actions.empty());
  INFO(frame.size() << " bytes take " << peak);
  REQUIRE(peak <= 2 * frame.size() + (1 << 20));
}

}  // namespace
}  // namespace prefixmesh::two_layer
