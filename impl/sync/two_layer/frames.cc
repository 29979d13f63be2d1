#include "impl/sync/two_layer/frames.h"

#include <algorithm>
#include <bit>

#include "impl/base/varint.h"
#include "impl/wire/bits.h"

namespace prefixmesh::two_layer {
namespace {

// What a round carries, in this order.
constexpr std::uint8_t kHasAck = 1, kHasDefinitions = 2, kHasLoads = 4, kHasRange = 8;

Error Corrupt(const char* what) { return {ErrorCode::kCorrupt, std::string("two-layer frame: bad ") + what}; }

unsigned SlotBits(std::size_t count) { return count < 2 ? 0 : static_cast<unsigned>(std::bit_width(count - 1)); }

void WriteGamma(BitWriter& writer, std::uint64_t value) {  // value >= 1
  const auto bits = static_cast<unsigned>(std::bit_width(value)) - 1;
  writer.Unary(bits);
  writer.Bits(value, bits);
}

std::uint64_t ReadGamma(BitReader& reader) {
  const auto bits = static_cast<unsigned>(reader.Unary(16));
  return std::uint64_t{1} << bits | reader.Bits(bits);
}

// A run is a stretch of records whose leaves ascend, which is how a batch is stamped: the order costs nothing then.
std::size_t RunLength(const std::vector<Record>& records, std::size_t first) {
  std::size_t end = first + 1;
  while (end < records.size() && end - first < kRecordsPerRunMax && records[end].leaf() >= records[end - 1].leaf())
    ++end;
  return end - first;
}

void EncodeRun(std::span<const Record> run, unsigned worker_bits, unsigned scope_bits, std::string& out) {
  BitWriter bits(out);
  const unsigned rice = RiceParameter(run.size());
  std::uint64_t previous = 0;
  for (const Record& record : run) {
    WriteRice(bits, record.leaf().value - previous, rice);
    previous = record.leaf().value;
    bits.Bits(record.worker, worker_bits);
    bits.Bits(record.scope, scope_bits);
    bits.Bits(record.has_branch ? 1 : 0, 1);
    WriteGamma(bits, record.ids.size());  // the leaf is one of them, so at least 1
    for (std::size_t i = 0; i + 1 < record.ids.size(); ++i) bits.Bits(record.ids[i].value, 64);
  }
  bits.Finish();
}

bool DecodeRun(ByteReader& reader, std::size_t count, unsigned worker_bits, unsigned scope_bits,
               std::size_t worker_count, std::size_t scope_count, Round& round) {
  // The run's length in bytes is not on the wire: read bits from all that is left, then take what was used.
  ByteReader ahead = reader;
  BitReader bits(ahead.Raw(ahead.remaining()));
  const unsigned rice = RiceParameter(count);
  std::uint64_t previous = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Record record;
    const std::uint64_t difference = ReadRice(bits, rice);
    const std::uint64_t leaf = previous + difference;
    if (leaf < previous || leaf == 0) return false;
    previous = leaf;
    record.worker = static_cast<WorkerSlot>(bits.Bits(worker_bits));
    record.scope = static_cast<ScopeSlot>(bits.Bits(scope_bits));
    record.has_branch = bits.Bits(1) == 1;
    const std::uint64_t ids = ReadGamma(bits);
    if (!bits.ok() || ids > kRecordIdsMax || record.worker >= worker_count || record.scope >= scope_count) return false;
    if (record.has_branch && ids < 2) return false;
    if (ids - 1 > bits.bits_left() / 64) return false;  // before anything is allocated for them
    record.ids.reserve(ids);
    for (std::uint64_t k = 0; k + 1 < ids; ++k) {
      const std::uint64_t id = bits.Bits(64);
      if (!bits.ok() || id == 0) return false;
      record.ids.push_back(NodeId{id});
    }
    record.ids.push_back(NodeId{leaf});
    record.seq = round.first_seq + static_cast<std::uint32_t>(round.records.size());
    round.records.push_back(std::move(record));
  }
  reader.Raw(bits.bytes_used());
  return bits.ok() && reader.ok();
}

void WriteWorkerName(ByteWriter& writer, const WorkerName& worker) {
  writer.Blob(worker.name);
  writer.Fixed64(worker.incarnation.value);
}

bool ReadWorkerName(ByteReader& reader, WorkerName& worker) {
  worker.name = reader.Blob();
  worker.incarnation.value = reader.Fixed64();
  return reader.ok() && worker.name.size() <= kNameBytesMax && !worker.name.empty();
}

// A count whose elements take at least `element_bytes` each cannot exceed what is left.
bool ReadCount(ByteReader& reader, std::size_t element_bytes, std::uint64_t& count) {
  count = reader.Varint();
  return reader.ok() && count <= reader.remaining() / element_bytes;
}

}  // namespace

const char* RefuseReasonName(RefuseReason reason) {
  switch (reason) {
    case RefuseReason::kVersion:
      return "version";
    case RefuseReason::kHashKey:
      return "hash_key";
    case RefuseReason::kCorrupt:
      return "corrupt";
  }
  return "unknown";
}

std::string EncodeHello(const Hello& hello) {
  ByteWriter writer;
  writer.U8(static_cast<std::uint8_t>(FrameKind::kHello));
  writer.Varint(hello.version_min);
  writer.Varint(hello.version_max);
  writer.Fixed64(hello.hash_key_id);
  writer.Fixed64(hello.incarnation.value);
  writer.Varint(hello.capabilities);
  writer.Varint(hello.positions.size());
  for (const Position& position : hello.positions) {
    writer.Blob(position.origin);
    writer.Fixed64(position.incarnation.value);
    writer.Varint(position.floor);
    writer.Varint(position.have);
  }
  writer.Varint(hello.registers.size());
  for (const WorkerName& worker : hello.registers) WriteWorkerName(writer, worker);
  return writer.Take();
}

std::string EncodeRefuse(RefuseReason reason) {
  ByteWriter writer;
  writer.U8(static_cast<std::uint8_t>(FrameKind::kRefuse));
  writer.U8(static_cast<std::uint8_t>(reason));
  return writer.Take();
}

std::string EncodeRound(const Round& round, std::size_t worker_count, std::size_t scope_count,
                        std::size_t* records_bytes) {
  ByteWriter writer;
  const bool defines = !round.scopes.empty() || !round.workers.empty();
  writer.U8(static_cast<std::uint8_t>(FrameKind::kRound));
  writer.U8(static_cast<std::uint8_t>((round.has_ack ? kHasAck : 0) | (defines ? kHasDefinitions : 0) |
                                      (round.loads.empty() ? 0 : kHasLoads) | (round.has_range ? kHasRange : 0)));
  if (round.has_ack) {
    writer.Fixed64(round.ack.incarnation.value);
    writer.Varint(std::uint64_t{round.ack.have} << 1 | (round.ack.hole ? 1 : 0));
  }
  if (defines) {
    writer.Varint(round.first_scope);
    writer.Varint(round.scopes.size());
    for (const ScopeName& scope : round.scopes) {
      writer.U8(static_cast<std::uint8_t>(scope.kind));
      writer.Blob(scope.model);
    }
    writer.Varint(round.first_worker);
    writer.Varint(round.workers.size());
    for (const WorkerName& worker : round.workers) WriteWorkerName(writer, worker);
  }
  if (!round.loads.empty()) {
    writer.Varint(round.loads.size());
    std::uint16_t previous = 0;
    for (const Load& load : round.loads) {
      writer.Varint(static_cast<std::uint64_t>(load.worker - previous));
      writer.Varint(load.in_flight);
      previous = load.worker;
    }
  }
  const std::size_t before_range = writer.size();
  if (!round.has_range) {
    if (records_bytes != nullptr) *records_bytes = 0;
    return writer.Take();
  }
  writer.Varint(round.floor);
  writer.Varint(round.first_seq);
  std::size_t runs = 0;
  for (std::size_t i = 0; i < round.records.size(); i += RunLength(round.records, i)) ++runs;
  writer.Varint(runs);
  std::string out = writer.Take();
  for (std::size_t i = 0; i < round.records.size();) {
    const std::size_t length = RunLength(round.records, i);
    ByteWriter count;
    count.Varint(length);
    out += count.bytes();
    EncodeRun(std::span(round.records).subspan(i, length), SlotBits(worker_count), SlotBits(scope_count), out);
    i += length;
  }
  if (records_bytes != nullptr) *records_bytes = out.size() - before_range;
  return out;
}

Result<FrameKind> PeekKind(Bytes frame) {
  if (frame.empty()) return Corrupt("length");
  const std::uint8_t kind = frame[0];
  if (kind < 1 || kind > 3) return Error{ErrorCode::kNotFound, "two-layer frame: unknown kind"};
  return static_cast<FrameKind>(kind);
}

Result<Hello> DecodeHello(Bytes frame) {
  ByteReader reader(frame);
  Hello hello;
  if (reader.U8() != static_cast<std::uint8_t>(FrameKind::kHello)) return Corrupt("kind");
  hello.version_min = static_cast<std::uint32_t>(reader.Varint());
  hello.version_max = static_cast<std::uint32_t>(reader.Varint());
  hello.hash_key_id = reader.Fixed64();
  hello.incarnation.value = reader.Fixed64();
  hello.capabilities = reader.Varint();
  std::uint64_t count = 0;
  if (!ReadCount(reader, 11, count)) return Corrupt("position count");
  for (std::uint64_t i = 0; i < count; ++i) {
    Position position;
    position.origin = reader.Blob();
    position.incarnation.value = reader.Fixed64();
    const std::uint64_t floor = reader.Varint(), have = reader.Varint();
    if (!reader.ok() || position.origin.size() > kNameBytesMax || floor < 1 || have < floor || have >= UINT32_MAX)
      return Corrupt("position");
    position.floor = static_cast<std::uint32_t>(floor);
    position.have = static_cast<std::uint32_t>(have);
    hello.positions.push_back(std::move(position));
  }
  if (!ReadCount(reader, 9, count)) return Corrupt("register count");
  for (std::uint64_t i = 0; i < count; ++i) {
    WorkerName worker;
    if (!ReadWorkerName(reader, worker)) return Corrupt("register");
    hello.registers.push_back(std::move(worker));
  }
  if (!reader.Finished()) return Corrupt("hello length");
  return hello;
}

Result<RefuseReason> DecodeRefuse(Bytes frame) {
  ByteReader reader(frame);
  reader.U8();
  const std::uint8_t reason = reader.U8();
  if (!reader.Finished() || reason < 1 || reason > 3) return Corrupt("refusal");
  return static_cast<RefuseReason>(reason);
}

Result<Round> DecodeRound(Bytes frame, std::size_t worker_count, std::size_t scope_count) {
  ByteReader reader(frame);
  Round round;
  if (reader.U8() != static_cast<std::uint8_t>(FrameKind::kRound)) return Corrupt("kind");
  const std::uint8_t parts = reader.U8();
  if ((parts & ~(kHasAck | kHasDefinitions | kHasLoads | kHasRange)) != 0) return Corrupt("parts");
  std::uint64_t count = 0;
  if ((parts & kHasAck) != 0) {
    round.has_ack = true;
    round.ack.incarnation.value = reader.Fixed64();
    const std::uint64_t have = reader.Varint();
    if (!reader.ok() || (have >> 1) >= UINT32_MAX) return Corrupt("ack");
    round.ack.have = static_cast<std::uint32_t>(have >> 1);
    round.ack.hole = (have & 1) != 0;
  }
  if ((parts & kHasDefinitions) != 0) {
    if (reader.Varint() != scope_count) return Corrupt("scope slot");
    round.first_scope = static_cast<std::uint16_t>(scope_count);
    if (!ReadCount(reader, 2, count) || scope_count + count > kNamesMax) return Corrupt("scope count");
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint8_t kind = reader.U8();
      ScopeName scope{std::string(reader.Blob()), static_cast<Kind>(kind)};
      if (!reader.ok() || kind > 1 || scope.model.size() > kNameBytesMax) return Corrupt("scope");
      round.scopes.push_back(std::move(scope));
    }
    if (reader.Varint() != worker_count) return Corrupt("worker slot");
    round.first_worker = static_cast<std::uint16_t>(worker_count);
    if (!ReadCount(reader, 9, count) || worker_count + count > kNamesMax) return Corrupt("worker count");
    for (std::uint64_t i = 0; i < count; ++i) {
      WorkerName worker;
      if (!ReadWorkerName(reader, worker)) return Corrupt("worker");
      round.workers.push_back(std::move(worker));
    }
  }
  const std::size_t workers = worker_count + round.workers.size();
  const std::size_t scopes = scope_count + round.scopes.size();
  if ((parts & kHasLoads) != 0) {
    if (!ReadCount(reader, 2, count)) return Corrupt("load count");
    std::uint64_t worker = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t step = reader.Varint();
      worker = step < workers ? worker + step : workers;
      const std::uint64_t in_flight = reader.Varint();
      if (!reader.ok() || worker >= workers || in_flight > UINT32_MAX) return Corrupt("load");
      round.loads.push_back({static_cast<std::uint16_t>(worker), static_cast<std::uint32_t>(in_flight)});
    }
  }
  if ((parts & kHasRange) != 0) {
    round.has_range = true;
    const std::uint64_t floor = reader.Varint(), first = reader.Varint();
    if (!reader.ok() || floor < 1 || first < floor || first >= UINT32_MAX) return Corrupt("range");
    round.floor = static_cast<std::uint32_t>(floor);
    round.first_seq = static_cast<std::uint32_t>(first);
    std::uint64_t runs = 0;
    if (!ReadCount(reader, 9, runs)) return Corrupt("run count");
    for (std::uint64_t i = 0; i < runs; ++i) {
      // A record takes at least a leaf's low bits: more than 6 bytes while a run is at most 4096 long.
      if (!ReadCount(reader, 6, count) || count == 0 || count > kRecordsPerRunMax) return Corrupt("record count");
      if (round.first_seq + round.records.size() + count >= UINT32_MAX) return Corrupt("seq");
      if (!DecodeRun(reader, count, SlotBits(workers), SlotBits(scopes), workers, scopes, round))
        return Corrupt("record");
    }
  }
  if (!reader.Finished()) return Corrupt("round length");
  return round;
}

}  // namespace prefixmesh::two_layer
