// Goal: what a frame says is what is read back; no bytes at all do harm; and a round costs what goals.md allows.
#include "impl/sync/two_layer/frames.h"

#include <algorithm>
#include <cmath>

#include "impl/base/prng.h"
#include "tests/support/allocations.h"
#include "tests/support/properties.h"

namespace prefixmesh::two_layer {
namespace {

constexpr std::size_t kWorkers = 20, kScopes = 2;

Round DrawRound(Prng& prng, std::size_t records, std::size_t ids_max, bool sorted) {
  Round round;
  round.has_ack = prng.Below(2) == 0;
  round.ack = {Incarnation{prng.Next()}, static_cast<std::uint32_t>(prng.Below(1000)), prng.Below(2) == 0};
  if (!round.has_ack) round.ack = {};
  std::uint16_t worker = 0;
  for (std::uint64_t i = prng.Below(4); i > 0 && worker + 4u < kWorkers; --i) {
    round.loads.push_back({worker, static_cast<std::uint32_t>(prng.Below(100))});
    worker = static_cast<std::uint16_t>(worker + 1 + prng.Below(4));
  }
  round.has_range = records > 0;
  if (round.has_range) {
    round.floor = 1 + static_cast<std::uint32_t>(prng.Below(10));
    round.first_seq = round.floor + static_cast<std::uint32_t>(prng.Below(10));
  }
  for (std::size_t i = 0; i < records; ++i) {
    Record record;
    record.worker = static_cast<WorkerSlot>(prng.Below(kWorkers));
    record.scope = static_cast<ScopeSlot>(prng.Below(kScopes));
    const std::size_t ids = 1 + prng.Below(ids_max);
    for (std::size_t k = 0; k < ids; ++k) record.ids.push_back(NodeId{prng.Next() | 1});
    record.has_branch = ids > 1 && prng.Below(2) == 0;
    round.records.push_back(std::move(record));
  }
  if (sorted)
    std::sort(round.records.begin(), round.records.end(),
              [](const Record& a, const Record& b) { return a.leaf() < b.leaf(); });
  for (std::size_t i = 0; i < round.records.size(); ++i)
    round.records[i].seq = round.first_seq + static_cast<std::uint32_t>(i);
  return round;
}

TEST_CASE("Round frame: reads back as it was written, in any order of leaves") {
  test::ForAll("any round", [](std::uint64_t seed, bool sorted) {
    Prng prng(seed);
    const Round round = DrawRound(prng, *rc::gen::inRange<std::size_t>(0, 40), 17, sorted);
    const std::string frame = EncodeRound(round, kWorkers, kScopes);
    const Result<Round> decoded = DecodeRound(AsBytes(frame), kWorkers, kScopes);
    RC_ASSERT(decoded.ok());
    RC_ASSERT(decoded->has_ack == round.has_ack);
    RC_ASSERT(decoded->ack.incarnation == round.ack.incarnation);
    RC_ASSERT(decoded->ack.have == round.ack.have);
    RC_ASSERT(decoded->ack.hole == round.ack.hole);
    RC_ASSERT(decoded->loads.size() == round.loads.size());
    for (std::size_t i = 0; i < round.loads.size(); ++i) {
      RC_ASSERT(decoded->loads[i].worker == round.loads[i].worker);
      RC_ASSERT(decoded->loads[i].in_flight == round.loads[i].in_flight);
    }
    RC_ASSERT(decoded->floor == round.floor);
    RC_ASSERT(decoded->first_seq == round.first_seq);
    RC_ASSERT(decoded->records.size() == round.records.size());
    for (std::size_t i = 0; i < round.records.size(); ++i) {
      const Record &a = round.records[i], &b = decoded->records[i];
      RC_ASSERT(a.seq == b.seq && a.worker == b.worker && a.scope == b.scope && a.has_branch == b.has_branch);
      RC_ASSERT(a.ids == b.ids);
    }
  });
}

TEST_CASE("Round frame: names defined in it are read back and widen the slots that follow") {
  Prng prng(4);
  Round round = DrawRound(prng, 5, 3, true);
  round.first_worker = 0;
  round.first_scope = 0;
  for (std::size_t i = 0; i < kWorkers; ++i)
    round.workers.push_back({"worker-" + std::to_string(i), Incarnation{i + 1}});
  round.scopes = {{"m", Kind::kText}, {"m", Kind::kTokens}};
  const std::string frame = EncodeRound(round, kWorkers, kScopes);
  const Result<Round> decoded = DecodeRound(AsBytes(frame), 0, 0);
  REQUIRE(decoded.ok());
  REQUIRE(decoded->workers == round.workers);
  REQUIRE(decoded->scopes == round.scopes);
  REQUIRE_FALSE(DecodeRound(AsBytes(frame), 1, 0).ok());  // defined out of turn
}

TEST_CASE("Hello frame: reads back as it was written") {
  Hello hello;
  hello.hash_key_id = 77;
  hello.incarnation = Incarnation{5};
  hello.positions = {{"a", Incarnation{9}, 3, 10}, {"b", Incarnation{8}, 1, 1}};
  hello.registers = {{"w0", Incarnation{1}}};
  const std::string frame = EncodeHello(hello);
  const Result<Hello> decoded = DecodeHello(AsBytes(frame));
  REQUIRE(decoded.ok());
  REQUIRE(decoded->hash_key_id == 77);
  REQUIRE(decoded->positions.size() == 2);
  REQUIRE(decoded->positions[0].origin == "a");
  REQUIRE(decoded->positions[0].have == 10);
  REQUIRE(decoded->registers == hello.registers);
}

// Any bytes: truncated, flipped, forged. They decode or they are an error; memory stays in proportion to the input.
TEST_CASE("Frames: damaged and forged bytes are errors, and cost no more memory than they justify") {
  test::ForAll("damage", [](std::uint64_t seed) {
    Prng prng(seed);
    const Round round = DrawRound(prng, 1 + prng.Below(30), 8, true);
    std::string frame = EncodeRound(round, kWorkers, kScopes);
    for (std::uint64_t flips = prng.Below(4); flips > 0; --flips)
      frame[prng.Below(frame.size())] = static_cast<char>(prng.Next());
    frame.resize(prng.Below(frame.size() + 1));
    const std::uint64_t before = test::Allocations().requested_bytes;
    const Result<Round> decoded = DecodeRound(AsBytes(frame), kWorkers, kScopes);
    const std::uint64_t spent = test::Allocations().requested_bytes - before;
    RC_ASSERT(spent <= 4096 + 40 * frame.size());
    if (decoded.ok())
      for (const Record& record : decoded->records) RC_ASSERT(record.worker < kWorkers && record.scope < kScopes);
    (void)DecodeHello(AsBytes(frame)).ok();
    (void)DecodeRefuse(AsBytes(frame)).ok();
    (void)PeekKind(AsBytes(frame)).ok();
  });
  const std::string forged("\x02\x08\x01\x01\xff\xff\xff\xff\xff\xff\x7f", 11);  // a run count far beyond the bytes
  REQUIRE_FALSE(DecodeRound(AsBytes(forged), kWorkers, kScopes).ok());
}

TEST_CASE("Round frame: 100 records of leaf and worker fit 870 bytes, within 1.10 of their entropy") {
  Prng prng(1);
  Round round;
  round.has_range = true;
  for (int i = 0; i < 100; ++i) {
    Record record;
    record.worker = static_cast<WorkerSlot>(prng.Below(kWorkers));
    record.ids = {NodeId{prng.Next() | 1}};
    round.records.push_back(std::move(record));
  }
  std::sort(round.records.begin(), round.records.end(),
            [](const Record& a, const Record& b) { return a.leaf() < b.leaf(); });
  const std::string frame = EncodeRound(round, kWorkers, 1);
  REQUIRE(frame.size() <= 870);
  const double bound_bits = 100 * 64.0 - std::lgamma(101.0) / std::log(2.0) + 100 * std::log2(20.0);
  REQUIRE(static_cast<double>(frame.size()) * 8 <= 1.10 * bound_bits);
}

}  // namespace
}  // namespace prefixmesh::two_layer
