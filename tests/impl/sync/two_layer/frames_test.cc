// Goal: what a frame says is what is read back; no bytes at all do harm; and a round costs what docs/promises.md
// allows.
#include "impl/sync/two_layer/frame_reader.h"

#include <algorithm>
#include <cmath>

#include "impl/base/prng.h"
#include "impl/sync/two_layer/frame_writer.h"
#include "tests/support/allocations.h"
#include "tests/support/properties.h"

namespace prefixmesh::two_layer {
namespace {

constexpr std::size_t kWorkers = 20, kScopes = 2;
constexpr std::uint64_t kSeal = 77;
const SlotBits kBits = SlotBitsFor(kWorkers, kScopes);

std::vector<Record> RecordsOf(const RangeView& range) {
  std::vector<Record> records;
  Record record;
  for (RecordCursor cursor(range); cursor.Next(record);) records.push_back(record);
  return records;
}

Range DrawRange(Prng& prng, std::size_t records, std::size_t ids_max, bool sorted) {
  Range range;
  if (prng.Below(2) == 0) range.key = {"router-" + std::to_string(prng.Below(9)), Incarnation{prng.Next()}};
  range.floor = 1 + static_cast<std::uint32_t>(prng.Below(10));
  range.first_seq = range.floor + static_cast<std::uint32_t>(prng.Below(10));
  range.more = prng.Below(2) == 0;
  range.checksum = static_cast<std::uint32_t>(prng.Next());
  for (std::size_t i = 0; i < records; ++i) {
    Record record;
    record.worker = static_cast<Slot>(prng.Below(kWorkers));
    record.scope = static_cast<Slot>(prng.Below(kScopes));
    const std::size_t ids = 1 + prng.Below(ids_max);
    for (std::size_t k = 0; k < ids; ++k) record.ids.push_back(NodeId{prng.Next() | 1});
    record.has_branch = ids > 1 && prng.Below(2) == 0;
    range.records.push_back(std::move(record));
  }
  if (sorted)
    std::sort(range.records.begin(), range.records.end(),
              [](const Record& a, const Record& b) { return a.leaf() < b.leaf(); });
  for (std::size_t i = 0; i < range.records.size(); ++i)
    range.records[i].seq = range.first_seq + static_cast<std::uint32_t>(i);
  return range;
}

Round DrawRound(Prng& prng, std::size_t records, std::size_t ids_max, bool sorted) {
  Round round;
  for (std::uint64_t i = prng.Below(3); i > 0; --i)
    round.acks.push_back({i == 1 ? OriginKey{} : OriginKey{"r" + std::to_string(i), Incarnation{prng.Next()}},
                          static_cast<std::uint32_t>(prng.Below(1000)), prng.Below(2) == 0});
  for (std::uint64_t i = prng.Below(3); i > 0; --i)
    round.workers.push_back({static_cast<Slot>(prng.Below(kWorkers)), {"w" + std::to_string(i), Incarnation{i}}});
  for (std::uint64_t i = prng.Below(3); i > 0; --i)
    round.scopes.push_back({static_cast<Slot>(i), {"m" + std::to_string(i), static_cast<Kind>(prng.Below(2))}});
  Slot worker = 0;
  for (std::uint64_t i = prng.Below(4); i > 0; --i) {
    round.loads.push_back({worker, static_cast<std::uint32_t>(prng.Below(100))});
    worker = static_cast<Slot>(worker + 1 + prng.Below(4));
  }
  for (std::uint64_t i = prng.Below(3); i > 0; --i) round.ranges.push_back(DrawRange(prng, records, ids_max, sorted));
  if (prng.Below(2) == 0) {
    round.has_digest = true;
    round.digest = {
        3,           3 + static_cast<std::uint32_t>(prng.Below(9)), static_cast<std::uint32_t>(prng.Below(99)),
        prng.Next(), static_cast<std::uint32_t>(prng.Next()),       static_cast<std::uint32_t>(prng.Next())};
  }
  round.resync = prng.Below(2) == 0;
  return round;
}

TEST_CASE("Round frame: reads back as it was written, in any order of leaves") {
  test::ForAll("any round", [](std::uint64_t seed, bool sorted) {
    Prng prng(seed);
    const Round round = DrawRound(prng, *rc::gen::inRange<std::size_t>(0, 40), 17, sorted);
    const std::string frame = EncodeRound(round, kBits, kSeal);
    const Result<Round> decoded = DecodeRound(AsBytes(frame), kSeal);
    RC_ASSERT(decoded.ok());
    RC_ASSERT(decoded->acks.size() == round.acks.size());
    for (std::size_t i = 0; i < round.acks.size(); ++i) {
      RC_ASSERT(decoded->acks[i].key == round.acks[i].key);
      RC_ASSERT(decoded->acks[i].have == round.acks[i].have);
      RC_ASSERT(decoded->acks[i].hole == round.acks[i].hole);
    }
    RC_ASSERT(decoded->workers.size() == round.workers.size());
    for (std::size_t i = 0; i < round.workers.size(); ++i) {
      RC_ASSERT(decoded->workers[i].slot == round.workers[i].slot);
      RC_ASSERT(decoded->workers[i].name == round.workers[i].name);
    }
    RC_ASSERT(decoded->scopes.size() == round.scopes.size());
    for (std::size_t i = 0; i < round.scopes.size(); ++i) {
      RC_ASSERT(decoded->scopes[i].slot == round.scopes[i].slot);
      RC_ASSERT(decoded->scopes[i].name == round.scopes[i].name);
    }
    RC_ASSERT(decoded->loads.size() == round.loads.size());
    for (std::size_t i = 0; i < round.loads.size(); ++i) {
      RC_ASSERT(decoded->loads[i].worker == round.loads[i].worker);
      RC_ASSERT(decoded->loads[i].in_flight == round.loads[i].in_flight);
    }
    RC_ASSERT(decoded->has_digest == round.has_digest);
    RC_ASSERT(decoded->digest == round.digest);
    RC_ASSERT(decoded->resync == round.resync);
    RC_ASSERT(decoded->views.size() == round.ranges.size());
    for (std::size_t r = 0; r < round.ranges.size(); ++r) {
      const Range& in = round.ranges[r];
      const RangeView& out = decoded->views[r];
      const std::vector<Record> records = RecordsOf(out);
      RC_ASSERT(in.key == out.key && in.floor == out.floor && in.first_seq == out.first_seq);
      RC_ASSERT(in.more == out.more && in.checksum == out.checksum);
      RC_ASSERT(in.records.size() == records.size());
      RC_ASSERT(out.records == records.size());
      for (std::size_t i = 0; i < in.records.size(); ++i) {
        const Record &a = in.records[i], &b = records[i];
        RC_ASSERT(a.seq == b.seq && a.worker == b.worker && a.scope == b.scope && a.has_branch == b.has_branch);
        RC_ASSERT(a.ids == b.ids);
      }
    }
  });
}

TEST_CASE("Hello, vector, registers, pull, refusal: read back as they were written") {
  Hello hello;
  hello.hash_key_id = 77;
  hello.text_block_bytes = 256;
  hello.sender = {"a", Incarnation{5}};
  hello.heard = Incarnation{6};
  std::string frame = EncodeHello(hello);
  const Result<Hello> heard = DecodeHello(AsBytes(frame));
  REQUIRE(heard.ok());
  REQUIRE((heard->hash_key_id == 77 && heard->text_block_bytes == 256));
  REQUIRE((heard->sender == hello.sender && heard->heard == hello.heard));

  const Vector vector{true, {{{"a", Incarnation{9}}, 3, 10, 99, 1500, 7}, {{"b", Incarnation{8}}, 1, 1, 0, 0, 0}}};
  frame = EncodeVector(vector, kSeal);
  const Result<Vector> positions = DecodeVector(AsBytes(frame), kSeal);
  REQUIRE(positions.ok());
  REQUIRE(positions->reply_wanted);
  REQUIRE(positions->positions.size() == 2);
  REQUIRE(positions->positions[0].key == vector.positions[0].key);
  REQUIRE((positions->positions[0].have == 10 && positions->positions[0].sum == 99));
  REQUIRE((positions->positions[0].age_ms == 1500 && positions->positions[0].heartbeat == 7));

  const std::vector<WorkerName> registers = {{"w0", Incarnation{1}}, {"w1", Incarnation{9}}};
  frame = EncodeRegisters(registers, kSeal);
  REQUIRE(*DecodeRegisters(AsBytes(frame), kSeal) == registers);

  frame = EncodePull({{"a", Incarnation{3}}, 17}, kSeal);
  REQUIRE(DecodePull(AsBytes(frame), kSeal)->from == 17);

  frame = EncodeRefusal({RefuseReason::kFork, {"a", Incarnation{3}}});
  REQUIRE(DecodeRefusal(AsBytes(frame))->reason == RefuseReason::kFork);
  REQUIRE(DecodeRefusal(AsBytes(frame))->key == OriginKey{"a", Incarnation{3}});
}

// W21: what a later release appends to its hello is not this one's business.
TEST_CASE("Hello frame: a longer one, of a later release, is read") {
  Hello hello;
  hello.sender = {"a", Incarnation{5}};
  std::string frame = EncodeHello(hello);
  frame.resize(frame.size() - kSealBytes);
  frame += "something new";
  Seal(frame, 0);
  REQUIRE(DecodeHello(AsBytes(frame))->sender == hello.sender);
}

TEST_CASE("Frames: one of another life, or with any bit changed, does not open") {
  test::ForAll("damage", [](std::uint64_t seed) {
    Prng prng(seed);
    std::string frame = EncodeRound(DrawRound(prng, 1 + prng.Below(30), 8, true), kBits, kSeal);
    RC_ASSERT_FALSE(DecodeRound(AsBytes(frame), kSeal + 1).ok());
    frame[prng.Below(frame.size())] ^= static_cast<char>(1u << prng.Below(8));
    RC_ASSERT_FALSE(DecodeRound(AsBytes(frame), kSeal).ok());
  });
}

// A peer can seal anything. They decode or they are an error; memory stays in proportion to the input.
TEST_CASE("Frames: forged bytes are errors, and cost no more memory than they justify") {
  test::ForAll("forgery", [](std::uint64_t seed) {
    Prng prng(seed);
    std::string frame = EncodeRound(DrawRound(prng, 1 + prng.Below(30), 8, true), kBits, kSeal);
    frame.resize(frame.size() - kSealBytes);
    for (std::uint64_t flips = prng.Below(4); flips > 0; --flips)
      frame[prng.Below(frame.size())] = static_cast<char>(prng.Next());
    frame.resize(1 + prng.Below(frame.size()));
    frame[0] = static_cast<char>(1 + prng.Below(6));
    Seal(frame, prng.Below(2) == 0 ? 0 : kSeal);
    const std::uint64_t before = test::Allocations().requested_bytes;
    const Result<Round> decoded = DecodeRound(AsBytes(frame), kSeal);
    (void)DecodeVector(AsBytes(frame), kSeal).ok();
    (void)DecodeRegisters(AsBytes(frame), kSeal).ok();
    (void)DecodePull(AsBytes(frame), kSeal).ok();
    (void)DecodeHello(AsBytes(frame)).ok();
    (void)DecodeRefusal(AsBytes(frame)).ok();
    (void)PeekKind(AsBytes(frame)).ok();
    RC_ASSERT(test::Allocations().requested_bytes - before <= 8192 + 40 * frame.size());
    if (decoded.ok())
      for (const RangeView& range : decoded->views)
        for (const Record& record : RecordsOf(range)) RC_ASSERT(record.leaf().value != 0u);
  });
}

TEST_CASE("Frames: as many small records as a frame can hold are refused before they fill the memory") {
  // 4 MiB of zeros with a valid seal: counts and runs that claim all there is.
  Range range;
  Record record;
  record.ids = {NodeId{1}};
  for (std::size_t i = 0; i < kFrameRecordBytesMax / 20 + 10; ++i) {
    record.ids[0] = NodeId{i + 1};
    range.records.push_back(record);
  }
  Round round;
  round.ranges.push_back(std::move(range));
  const std::string frame = EncodeRound(round, kBits, kSeal);
  const std::uint64_t before = test::Allocations().requested_bytes;
  REQUIRE_FALSE(DecodeRound(AsBytes(frame), kSeal).ok());
  REQUIRE(test::Allocations().requested_bytes - before <= 16u << 20);
}

TEST_CASE("Round frame: 100 records of leaf and worker fit 870 bytes, within 1.10 of their entropy") {
  Prng prng(1);
  Round round;
  Range range;
  for (int i = 0; i < 100; ++i) {
    Record record;
    record.worker = static_cast<Slot>(prng.Below(kWorkers));
    record.ids = {NodeId{prng.Next() | 1}};
    range.records.push_back(std::move(record));
  }
  std::sort(range.records.begin(), range.records.end(),
            [](const Record& a, const Record& b) { return a.leaf() < b.leaf(); });
  round.ranges.push_back(std::move(range));
  const std::string frame = EncodeRound(round, SlotBitsFor(kWorkers, 1), kSeal);
  REQUIRE(frame.size() <= 870);
  const double bound_bits = 100 * 64.0 - std::lgamma(101.0) / std::log(2.0) + 100 * std::log2(20.0);
  REQUIRE(static_cast<double>(frame.size()) * 8 <= 1.10 * bound_bits);
}

}  // namespace
}  // namespace prefixmesh::two_layer
