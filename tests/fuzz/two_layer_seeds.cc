#include "tests/fuzz/two_layer_seeds.h"

#include <string>
#include <vector>

#include "impl/sync/two_layer/frame_writer.h"

namespace prefixmesh::two_layer {
namespace {

std::string Unsealed(std::string frame) { return frame.substr(0, frame.size() - kSealBytes); }

// Records of one log, each with a branch and an anchor, about worker slot `worker`.
Range RecordsOf(const OriginKey& key, std::uint32_t first, std::uint32_t count, const WorkerName& worker) {
  const ScopeName scope{"m", Kind::kText};
  Range range;
  range.key = key;
  range.first_seq = first;
  range.more = count > 2;
  std::uint64_t sum = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    Record record;
    record.seq = first + i;
    record.has_branch = true;
    record.ids = {NodeId{77}, NodeId{i + 5}, NodeId{(i + 1) * 1000ull}};
    sum += EntryHash(record, scope.Hash(), worker.Hash());
    range.records.push_back(std::move(record));
  }
  range.checksum = static_cast<std::uint32_t>(sum);
  return range;
}

Round RoundOf(const OriginKey& key, std::uint32_t first, std::uint32_t count, const WorkerName& worker) {
  Round round;
  round.scopes.push_back({0, {"m", Kind::kText}});
  round.workers.push_back({0, worker});
  round.loads.push_back({0, 3});
  round.ranges.push_back(RecordsOf(key, first, count, worker));
  return round;
}

// One step of the machine: peer, kind of step, and the frame without its kind and seal.
std::string Step(int peer, int step, const std::string& frame) {
  const std::string body = Unsealed(frame).substr(1);
  std::string out(1, static_cast<char>(peer | step << 1));
  out += static_cast<char>(body.size() & 0xff);
  out += static_cast<char>(body.size() >> 8);
  return out + body;
}

}  // namespace

void WriteTwoLayerSeeds(const SeedWriter& write) {
  const WorkerName present{"w0", Incarnation{1}}, ahead{"w0", Incarnation{9}}, other{"v", Incarnation{4}};
  const OriginKey third{"c", Incarnation{55}};
  const SlotBits bits = SlotBitsFor(1, 1);
  Hello hello;
  hello.sender = {"h", Incarnation{100}};
  Round digest;
  digest.acks = {{{}, 2, true}, {third, 1, false}};
  digest.has_digest = true;
  digest.digest = {1, 4, 9, 123, 7, 8};
  digest.resync = true;
  const Vector vector{true, {{{"a", Incarnation{7}}, 1, 2, 0, 0, 1}, {third, 1, 9, 5, 1000, 3}}};
  const std::string frames[] = {EncodeRound(RoundOf({}, 1, 3, present), bits, 0),
                                EncodeRound(RoundOf({}, 4, 40, ahead), bits, 0),
                                EncodeRound(RoundOf(third, 1, 2, other), bits, 0),
                                EncodeRound(digest, bits, 0),
                                EncodeVector(vector, 0),
                                EncodeRegisters({present, ahead, other}, 0),
                                EncodePull({third, 1}, 0),
                                EncodeRefusal({RefuseReason::kFork, third})};
  std::vector<std::string> seeds;
  for (const std::string& frame : frames) seeds.push_back(Unsealed(frame));
  seeds.push_back(Unsealed(EncodeHello(hello)));
  const auto number = [&](const std::string& target, const std::vector<std::string>& all) {
    for (std::size_t i = 0; i < all.size(); ++i) write(target, "seed" + std::to_string(i), all[i]);
  };
  number("two_layer_frames", seeds);

  const std::string beat(1, 14), full(1, static_cast<char>(0x8e)), up(1, 10), down(1, 12);
  const std::string own = Step(0, 0, frames[0]) + Step(0, 0, frames[1]);
  const std::string relayed = Step(1, 2, frames[4]) + Step(1, 0, frames[2]);
  number("two_layer_machine",
         {Step(0, 2, frames[4]) + own + beat + beat, relayed + Step(0, 4, frames[6]) + beat,
          own + Step(0, 3, frames[5]) + beat + Step(0, 0, frames[3]) + beat, relayed + Step(0, 1, frames[7]) + beat,
          own + full + full + Step(1, 2, frames[4]) + beat + down + beat + up + own + beat});
}

}  // namespace prefixmesh::two_layer
