#include "impl/sync/two_layer/frame_writer.h"

#include <bit>
#include <span>
#include <string>
#include <vector>

#include "impl/base/varint.h"
#include "impl/wire/bits.h"

namespace prefixmesh::two_layer {
namespace {

ByteWriter Begin(FrameKind kind) {
  ByteWriter writer;
  writer.U8(static_cast<std::uint8_t>(kind));
  return writer;
}

std::string Sealed(ByteWriter writer, std::uint64_t key) {
  std::string frame = writer.Take();
  Seal(frame, key);
  return frame;
}

void WriteWorkerName(ByteWriter& writer, const WorkerName& worker) {
  writer.Blob(worker.name);
  writer.Fixed64(worker.incarnation.value);
}

// With one byte in front: 0 says "the obvious one", which costs nothing more.
void WriteKey(ByteWriter& writer, const OriginKey& key) {
  writer.Blob(key.router);
  if (!key.router.empty()) writer.Fixed64(key.incarnation.value);
}

void WriteGamma(BitWriter& writer, std::uint64_t value) {  // value >= 1
  const auto bits = static_cast<unsigned>(std::bit_width(value)) - 1;
  writer.Unary(bits);
  writer.Bits(value, bits);
}

// A run is a stretch of records whose leaves ascend, which is how a batch is stamped: the order costs nothing then.
std::size_t RunLength(const std::vector<Record>& records, std::size_t first) {
  std::size_t end = first + 1;
  while (end < records.size() && end - first < kRecordsPerRunMax && records[end].leaf() >= records[end - 1].leaf())
    ++end;
  return end - first;
}

void EncodeRun(std::span<const Record> run, SlotBits slot_bits, std::string& out) {
  BitWriter bits(out);
  const unsigned rice = RiceParameter(run.size());
  std::uint64_t previous = 0;
  for (const Record& record : run) {
    WriteRice(bits, record.leaf().value - previous, rice);
    previous = record.leaf().value;
    bits.Bits(record.worker, slot_bits.workers);
    bits.Bits(record.scope, slot_bits.scopes);
    bits.Bits(record.has_branch ? 1 : 0, 1);
    WriteGamma(bits, record.ids.size());  // the leaf is one of them, so at least 1
    for (std::size_t i = 0; i + 1 < record.ids.size(); ++i) bits.Bits(record.ids[i].value, 64);
  }
  bits.Finish();
}

void WriteAcks(ByteWriter& writer, const std::vector<Ack>& acks) {
  writer.Varint(acks.size());
  for (const Ack& ack : acks) {
    WriteKey(writer, ack.key);
    writer.Varint(std::uint64_t{ack.have} << 1 | (ack.hole ? 1 : 0));
  }
}

void WriteDefinitions(ByteWriter& writer, const Round& round) {
  writer.Varint(round.scopes.size());
  for (const auto& scope : round.scopes) {
    writer.Varint(scope.slot);
    writer.U8(static_cast<std::uint8_t>(scope.name.kind));
    writer.Blob(scope.name.model);
  }
  writer.Varint(round.workers.size());
  for (const auto& worker : round.workers) {
    writer.Varint(worker.slot);
    WriteWorkerName(writer, worker.name);
  }
}

void WriteLoads(ByteWriter& writer, const std::vector<Load>& loads) {  // ascending by slot
  writer.Varint(loads.size());
  Slot previous = 0;
  for (const Load& load : loads) {
    writer.Varint(static_cast<std::uint64_t>(load.worker - previous));
    writer.Varint(load.in_flight);
    previous = load.worker;
  }
}

void WriteDigest(ByteWriter& writer, const Digest& digest) {
  writer.Varint(digest.floor);
  writer.Varint(digest.head);
  writer.Varint(digest.heartbeat);
  writer.Fixed64(digest.vector_hash);
  writer.Fixed32(digest.register_hash);
  writer.Varint(digest.load_hash);
}

}  // namespace

void Seal(std::string& frame, std::uint64_t key) {
  ByteWriter writer;
  writer.Fixed32(SealOf(frame, key));
  frame += writer.bytes();
}

std::string EncodeHello(const Hello& hello) {
  ByteWriter writer = Begin(FrameKind::kHello);
  writer.Varint(hello.version_min);
  writer.Varint(hello.version_max);
  writer.Fixed64(hello.hash_key_id);
  writer.Varint(hello.text_block_bytes);
  writer.Varint(hello.tokens_block_tokens);
  writer.Varint(hello.anchors);
  writer.Varint(hello.capabilities);
  WriteKey(writer, hello.sender);
  writer.Fixed64(hello.heard.value);
  return Sealed(std::move(writer), 0);
}

std::string EncodeRefusal(const Refusal& refusal) {
  ByteWriter writer = Begin(FrameKind::kRefuse);
  writer.U8(static_cast<std::uint8_t>(refusal.reason));
  WriteKey(writer, refusal.key);
  return Sealed(std::move(writer), 0);
}

std::string EncodeVector(const Vector& vector, std::uint64_t seal) {
  ByteWriter writer = Begin(FrameKind::kVector);
  writer.Varint(vector.positions.size() << 1 | (vector.reply_wanted ? 1 : 0));
  for (const Position& position : vector.positions) {
    WriteKey(writer, position.key);
    writer.Varint(position.floor);
    writer.Varint(position.have);
    writer.Fixed64(position.sum);
    writer.Varint(position.age_ms);
    writer.Varint(position.heartbeat);
  }
  return Sealed(std::move(writer), seal);
}

std::string EncodeRegisters(const std::vector<WorkerName>& registers, std::uint64_t seal) {
  ByteWriter writer = Begin(FrameKind::kRegisters);
  writer.Varint(registers.size());
  for (const WorkerName& worker : registers) WriteWorkerName(writer, worker);
  return Sealed(std::move(writer), seal);
}

std::string EncodePull(const Pull& pull, std::uint64_t seal) {
  ByteWriter writer = Begin(FrameKind::kPull);
  WriteKey(writer, pull.key);
  writer.Varint(pull.from);
  return Sealed(std::move(writer), seal);
}

std::string EncodeRange(const Range& range, SlotBits bits) {
  ByteWriter writer;
  WriteKey(writer, range.key);
  writer.Varint(range.floor);
  writer.Varint(std::uint64_t{range.first_seq} << 1 | (range.more ? 1 : 0));
  writer.Fixed32(range.checksum);
  std::size_t runs = 0;
  for (std::size_t i = 0; i < range.records.size(); i += RunLength(range.records, i)) ++runs;
  writer.Varint(runs);
  std::string out = writer.Take();
  for (std::size_t i = 0; i < range.records.size();) {
    const std::size_t length = RunLength(range.records, i);
    ByteWriter count;
    count.Varint(length);
    out += count.bytes();
    EncodeRun(std::span(range.records).subspan(i, length), bits, out);
    i += length;
  }
  return out;
}

std::string EncodeRound(const Round& round, SlotBits bits, const std::vector<const std::string*>& ranges,
                        std::uint64_t seal) {
  ByteWriter writer = Begin(FrameKind::kRound);
  const bool defines = !round.scopes.empty() || !round.workers.empty();
  writer.U8(static_cast<std::uint8_t>((round.acks.empty() ? 0 : kHasAcks) | (defines ? kHasDefinitions : 0) |
                                      (round.loads.empty() ? 0 : kHasLoads) | (ranges.empty() ? 0 : kHasRanges) |
                                      (round.has_digest ? kHasDigest : 0) | (round.resync ? kResync : 0)));
  if (!round.acks.empty()) WriteAcks(writer, round.acks);
  if (defines) WriteDefinitions(writer, round);
  if (!round.loads.empty()) WriteLoads(writer, round.loads);
  if (!ranges.empty()) {
    writer.U8(static_cast<std::uint8_t>(bits.workers << 4 | bits.scopes));
    writer.Varint(ranges.size());
    for (const std::string* range : ranges) writer.Raw(*range);
  }
  if (round.has_digest) WriteDigest(writer, round.digest);
  return Sealed(std::move(writer), seal);
}

std::string EncodeRound(const Round& round, SlotBits bits, std::uint64_t seal) {
  std::vector<std::string> encoded;
  for (const Range& range : round.ranges) encoded.push_back(EncodeRange(range, bits));
  std::vector<const std::string*> ranges;
  for (const std::string& range : encoded) ranges.push_back(&range);
  return EncodeRound(round, bits, ranges, seal);
}

}  // namespace prefixmesh::two_layer
