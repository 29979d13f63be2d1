#include "impl/sync/two_layer/frames.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>

#include "impl/base/prng.h"
#include "impl/base/seeded_bug.h"
#include "impl/base/varint.h"
#include "impl/wire/bits.h"

namespace prefixmesh::two_layer {
namespace {

// Parts of a round, in this order.
constexpr std::uint8_t kHasAcks = 1, kHasDefinitions = 2, kHasLoads = 4, kHasRanges = 8, kHasDigest = 16, kResync = 32;
constexpr std::uint8_t kAllParts = 63;

Error Corrupt(const char* what) { return {ErrorCode::kCorrupt, std::string("two-layer frame: bad ") + what}; }

std::uint32_t SealOf(std::string_view bytes, std::uint64_t key) {
  return static_cast<std::uint32_t>(XXH3_64bits_withSeed(bytes.data(), bytes.size(), key));
}

std::string Sealed(ByteWriter writer, std::uint64_t key) {
  std::string frame = writer.Take();
  Seal(frame, key);
  return frame;
}

// A reader of what the seal covers, past the kind; bad when the seal or the kind is wrong.
bool Open(Bytes frame, FrameKind kind, std::uint64_t key, ByteReader& reader) {
  if (frame.size() < 1 + kSealBytes || frame[0] != static_cast<std::uint8_t>(kind)) return false;
  const Bytes covered = frame.first(frame.size() - kSealBytes);
  const bool opens = ByteReader(frame.last(kSealBytes)).Fixed32() == SealOf(AsText(covered), key);
  if (!opens && !Seeded(Bug::kseal_unchecked)) return false;
  reader = ByteReader(covered.subspan(1));
  return true;
}

ByteWriter Begin(FrameKind kind) {
  ByteWriter writer;
  writer.U8(static_cast<std::uint8_t>(kind));
  return writer;
}

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

void WriteWorkerName(ByteWriter& writer, const WorkerName& worker) {
  writer.Blob(worker.name);
  writer.Fixed64(worker.incarnation.value);
}

bool ReadName(ByteReader& reader, std::string& name) {
  name = reader.Blob();
  return reader.ok() && !name.empty() && name.size() <= kNameBytesMax;
}

bool ReadWorkerName(ByteReader& reader, WorkerName& worker) {
  const bool named = ReadName(reader, worker.name);
  worker.incarnation.value = reader.Fixed64();
  return named && reader.ok() && worker.incarnation <= kWorkerIncarnationMax;
}

// With one byte in front: 0 says "the obvious one", which costs nothing more.
void WriteKey(ByteWriter& writer, const OriginKey& key) {
  writer.Blob(key.router);
  if (!key.router.empty()) writer.Fixed64(key.incarnation.value);
}

bool ReadKey(ByteReader& reader, OriginKey& key) {
  key.router = reader.Blob();
  if (!key.router.empty()) key.incarnation.value = reader.Fixed64();
  return reader.ok() && key.router.size() <= kNameBytesMax;
}

bool ReadSeq(ByteReader& reader, std::uint32_t least, std::uint32_t& seq) {
  const std::uint64_t value = reader.Varint();
  seq = static_cast<std::uint32_t>(value);
  return reader.ok() && value >= least && value <= kSeqMax;
}

// A count whose elements take at least `element_bytes` each cannot exceed what is left.
bool ReadCount(ByteReader& reader, std::size_t element_bytes, std::size_t most, std::uint64_t& count) {
  count = reader.Varint();
  return reader.ok() && count <= most && count <= reader.remaining() / element_bytes;
}

bool ReadRange(ByteReader& reader, SlotBits bits, RangeView& range, std::uint64_t& kept_bytes, Record& scratch) {
  if (!ReadKey(reader, range.key) || !ReadSeq(reader, 1, range.floor)) return false;
  const std::uint64_t first = reader.Varint();
  range.more = (first & 1) != 0;
  if (!reader.ok() || (first >> 1) < range.floor || (first >> 1) > kSeqMax) return false;
  range.first_seq = static_cast<std::uint32_t>(first >> 1);
  range.checksum = reader.Fixed32();
  range.bits = bits;
  if (!ReadCount(reader, 9, kRecordsPerRunMax * 64, range.runs)) return false;
  // How long the runs are in bytes is not on the wire: records are read from all that is left, and what was used is the
  // range.
  ByteReader ahead = reader;
  range.bytes = ahead.Raw(ahead.remaining());
  RecordCursor cursor(range);
  while (cursor.Next(scratch)) {
    kept_bytes += scratch.bytes();
    if (kept_bytes > kFrameRecordBytesMax) return false;
  }
  if (!cursor.ok()) return false;
  range.records = cursor.seq() - range.first_seq;
  range.bytes = reader.Raw(range.bytes.size() - cursor.bytes_left());
  return reader.ok();
}

}  // namespace

bool RecordCursor::BeginRun() {
  // A record takes at least a leaf's low bits: more than 6 bytes while a run is at most 4096 long.
  if (!ReadCount(reader_, 6, kRecordsPerRunMax, in_run_) || in_run_ == 0) return false;
  if (seq_ + in_run_ > kSeqMax) return false;
  ByteReader ahead = reader_;
  bits_ = BitReader(ahead.Raw(ahead.remaining()));
  rice_ = RiceParameter(in_run_);
  previous_ = 0;
  --runs_left_;
  return true;
}

bool RecordCursor::ReadRecord(Record& record) {
  const std::uint64_t difference = ReadRice(bits_, rice_);
  const std::uint64_t leaf = previous_ + difference;
  if (leaf < previous_ || leaf == 0) return false;
  previous_ = leaf;
  record.worker = static_cast<Slot>(bits_.Bits(slot_bits_.workers));
  record.scope = static_cast<Slot>(bits_.Bits(slot_bits_.scopes));
  record.has_branch = bits_.Bits(1) == 1;
  const std::uint64_t ids = ReadGamma(bits_);
  if (!bits_.ok() || ids > kRecordIdsMax) return false;
  if (record.has_branch && ids < 2) return false;
  if (ids - 1 > bits_.bits_left() / 64) return false;  // before anything is allocated for them
  record.ids.clear();
  for (std::uint64_t k = 0; k + 1 < ids; ++k) {
    const std::uint64_t id = bits_.Bits(64);
    if (id == 0) return false;
    record.ids.push_back(NodeId{id});
  }
  record.ids.push_back(NodeId{leaf});
  record.seq = seq_++;
  return bits_.ok();
}

bool RecordCursor::Next(Record& record) {
  if (!ok_ || (in_run_ == 0 && runs_left_ == 0)) return false;
  ok_ = (in_run_ > 0 || BeginRun()) && ReadRecord(record);
  if (ok_ && --in_run_ == 0) {
    reader_.Raw(bits_.bytes_used());
    ok_ = reader_.ok();
  }
  return ok_;
}

const char* RefuseReasonName(RefuseReason reason) {
  constexpr const char* kNames[] = {"unknown",  "version", "hash_key",       "corrupt", "block_size",
                                    "identity", "fork",    "unknown_origin", "too_big", "names"};
  const auto at = static_cast<std::size_t>(reason);
  return at < std::size(kNames) ? kNames[at] : kNames[0];
}

SlotBits SlotBitsFor(std::size_t workers, std::size_t scopes) {
  const auto bits = [](std::size_t count) { return count < 2 ? 0u : static_cast<unsigned>(std::bit_width(count - 1)); };
  return {bits(workers), bits(scopes)};
}

std::uint64_t SealKey(Incarnation sender, Incarnation receiver) {
  if (Seeded(Bug::kseal_without_lives)) return 1;
  return Mix64(sender.value + Mix64(receiver.value));
}

// ---- encoding -------------------------------------------------------------------------------------------------------

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
    writer.Varint(position.beat);
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
  if (!round.acks.empty()) writer.Varint(round.acks.size());
  for (const Ack& ack : round.acks) {
    WriteKey(writer, ack.key);
    writer.Varint(std::uint64_t{ack.have} << 1 | (ack.hole ? 1 : 0));
  }
  if (defines) {
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
  if (!round.loads.empty()) {
    writer.Varint(round.loads.size());
    Slot previous = 0;
    for (const Load& load : round.loads) {
      writer.Varint(static_cast<std::uint64_t>(load.worker - previous));
      writer.Varint(load.in_flight);
      previous = load.worker;
    }
  }
  if (!ranges.empty()) {
    writer.U8(static_cast<std::uint8_t>(bits.workers << 4 | bits.scopes));
    writer.Varint(ranges.size());
    for (const std::string* range : ranges) writer.Raw(*range);
  }
  if (round.has_digest) {
    writer.Varint(round.digest.floor);
    writer.Varint(round.digest.head);
    writer.Varint(round.digest.beat);
    writer.Fixed64(round.digest.vector_hash);
    writer.Fixed32(round.digest.register_hash);
    writer.Varint(round.digest.load_hash);
  }
  return Sealed(std::move(writer), seal);
}

std::string EncodeRound(const Round& round, SlotBits bits, std::uint64_t seal) {
  std::vector<std::string> encoded;
  for (const Range& range : round.ranges) encoded.push_back(EncodeRange(range, bits));
  std::vector<const std::string*> ranges;
  for (const std::string& range : encoded) ranges.push_back(&range);
  return EncodeRound(round, bits, ranges, seal);
}

// ---- decoding -------------------------------------------------------------------------------------------------------

Result<FrameKind> PeekKind(Bytes frame) {
  if (frame.size() < 1 + kSealBytes) return Corrupt("length");
  const std::uint8_t kind = frame[0];
  if (kind < 1 || kind > 6) return Error{ErrorCode::kNotFound, "two-layer frame: unknown kind"};
  return static_cast<FrameKind>(kind);
}

Result<Hello> DecodeHello(Bytes frame) {
  ByteReader reader({});
  if (!Open(frame, FrameKind::kHello, 0, reader)) return Corrupt("seal");
  Hello hello;
  hello.version_min = static_cast<std::uint32_t>(reader.Varint());
  hello.version_max = static_cast<std::uint32_t>(reader.Varint());
  hello.hash_key_id = reader.Fixed64();
  hello.text_block_bytes = static_cast<std::uint32_t>(reader.Varint());
  hello.tokens_block_tokens = static_cast<std::uint32_t>(reader.Varint());
  hello.anchors = static_cast<std::uint32_t>(reader.Varint());
  hello.capabilities = reader.Varint();
  if (!ReadKey(reader, hello.sender) || hello.sender.router.empty()) return Corrupt("hello");
  hello.heard.value = reader.Fixed64();
  if (!reader.ok()) return Corrupt("hello");
  return hello;  // a later release may have appended more
}

Result<Refusal> DecodeRefusal(Bytes frame) {
  ByteReader reader({});
  if (!Open(frame, FrameKind::kRefuse, 0, reader)) return Corrupt("seal");
  Refusal refusal;
  refusal.reason = static_cast<RefuseReason>(reader.U8());
  if (!ReadKey(reader, refusal.key) || !reader.Finished()) return Corrupt("refusal");
  return refusal;
}

Result<Vector> DecodeVector(Bytes frame, std::uint64_t seal) {
  ByteReader reader({});
  if (!Open(frame, FrameKind::kVector, seal, reader)) return Corrupt("seal");
  Vector vector;
  const std::uint64_t count = reader.Varint();
  vector.reply_wanted = (count & 1) != 0;
  if (!reader.ok() || (count >> 1) > kPositionsMax || (count >> 1) > reader.remaining() / 21)
    return Corrupt("position count");
  for (std::uint64_t i = 0; i < count >> 1; ++i) {
    Position position;
    if (!ReadKey(reader, position.key) || position.key.router.empty() || !ReadSeq(reader, 1, position.floor) ||
        !ReadSeq(reader, position.floor, position.have))
      return Corrupt("position");
    position.sum = reader.Fixed64();
    position.age_ms = reader.Varint();
    position.beat = static_cast<std::uint32_t>(reader.Varint());
    vector.positions.push_back(std::move(position));
  }
  if (!reader.Finished()) return Corrupt("vector length");
  return vector;
}

Result<std::vector<WorkerName>> DecodeRegisters(Bytes frame, std::uint64_t seal) {
  ByteReader reader({});
  if (!Open(frame, FrameKind::kRegisters, seal, reader)) return Corrupt("seal");
  std::uint64_t count = 0;
  if (!ReadCount(reader, 10, kNamesMax, count)) return Corrupt("register count");
  std::vector<WorkerName> registers;
  for (std::uint64_t i = 0; i < count; ++i) {
    WorkerName worker;
    if (!ReadWorkerName(reader, worker)) return Corrupt("register");
    registers.push_back(std::move(worker));
  }
  if (!reader.Finished()) return Corrupt("registers length");
  return registers;
}

Result<Pull> DecodePull(Bytes frame, std::uint64_t seal) {
  ByteReader reader({});
  if (!Open(frame, FrameKind::kPull, seal, reader)) return Corrupt("seal");
  Pull pull;
  if (!ReadKey(reader, pull.key) || !ReadSeq(reader, 1, pull.from) || !reader.Finished()) return Corrupt("pull");
  return pull;
}

Result<Round> DecodeRound(Bytes frame, std::uint64_t seal) {
  ByteReader reader({});
  if (!Open(frame, FrameKind::kRound, seal, reader)) return Corrupt("seal");
  Round round;
  const std::uint8_t parts = reader.U8();
  if ((parts & ~kAllParts) != 0) return Corrupt("parts");
  round.resync = (parts & kResync) != 0;
  std::uint64_t count = 0;
  if ((parts & kHasAcks) != 0) {
    if (!ReadCount(reader, 2, kPositionsMax, count)) return Corrupt("ack count");
    for (std::uint64_t i = 0; i < count; ++i) {
      Ack ack;
      const bool keyed = ReadKey(reader, ack.key);
      const std::uint64_t have = reader.Varint();
      if (!keyed || !reader.ok() || (have >> 1) > kSeqMax) return Corrupt("ack");
      ack.have = static_cast<std::uint32_t>(have >> 1);
      ack.hole = (have & 1) != 0;
      round.acks.push_back(std::move(ack));
    }
  }
  if ((parts & kHasDefinitions) != 0) {
    if (!ReadCount(reader, 3, kNamesMax, count)) return Corrupt("scope count");
    for (std::uint64_t i = 0; i < count; ++i) {
      Definition<ScopeName> scope;
      const std::uint64_t slot = reader.Varint();
      const std::uint8_t kind = reader.U8();
      scope.name = {std::string(reader.Blob()), static_cast<Kind>(kind)};
      if (!reader.ok() || slot >= kNamesMax || kind > 1 || scope.name.model.size() > kNameBytesMax)
        return Corrupt("scope");
      scope.slot = static_cast<Slot>(slot);
      round.scopes.push_back(std::move(scope));
    }
    if (!ReadCount(reader, 11, kNamesMax, count)) return Corrupt("worker count");
    for (std::uint64_t i = 0; i < count; ++i) {
      Definition<WorkerName> worker;
      const std::uint64_t slot = reader.Varint();
      if (slot >= kNamesMax || !ReadWorkerName(reader, worker.name)) return Corrupt("worker");
      worker.slot = static_cast<Slot>(slot);
      round.workers.push_back(std::move(worker));
    }
  }
  if ((parts & kHasLoads) != 0) {
    if (!ReadCount(reader, 2, kNamesMax, count)) return Corrupt("load count");
    std::uint64_t worker = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t step = reader.Varint();
      worker = step < kNamesMax ? worker + step : kNamesMax;
      const std::uint64_t in_flight = reader.Varint();
      if (!reader.ok() || worker >= kNamesMax || in_flight > UINT32_MAX) return Corrupt("load");
      round.loads.push_back({static_cast<Slot>(worker), static_cast<std::uint32_t>(in_flight)});
    }
  }
  if ((parts & kHasRanges) != 0) {
    const std::uint8_t packed = reader.U8();
    const SlotBits bits{static_cast<unsigned>(packed >> 4), packed & 15u};
    if (bits.workers > 12 || bits.scopes > 12) return Corrupt("slot bits");
    if (!ReadCount(reader, 8, kPositionsMax, count)) return Corrupt("range count");
    std::uint64_t kept_bytes = 0;
    Record scratch;
    for (std::uint64_t i = 0; i < count; ++i) {
      RangeView range;
      if (!ReadRange(reader, bits, range, kept_bytes, scratch)) return Corrupt("range");
      round.views.push_back(std::move(range));
    }
  }
  if ((parts & kHasDigest) != 0) {
    round.has_digest = true;
    if (!ReadSeq(reader, 1, round.digest.floor) || !ReadSeq(reader, round.digest.floor, round.digest.head))
      return Corrupt("digest");
    round.digest.beat = static_cast<std::uint32_t>(reader.Varint());
    round.digest.vector_hash = reader.Fixed64();
    round.digest.register_hash = reader.Fixed32();
    round.digest.load_hash = static_cast<std::uint32_t>(reader.Varint());
  }
  if (!reader.Finished()) return Corrupt("round length");
  return round;
}

}  // namespace prefixmesh::two_layer
