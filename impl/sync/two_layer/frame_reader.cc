#include "impl/sync/two_layer/frame_reader.h"

#include <string>

#include "impl/base/seeded_bug.h"

namespace prefixmesh::two_layer {
namespace {

Error Corrupt(const char* what) { return {ErrorCode::kCorrupt, std::string("two-layer frame: bad ") + what}; }

// A reader of what the seal covers, past the kind; bad when the seal or the kind is wrong.
bool Open(Bytes frame, FrameKind kind, std::uint64_t key, ByteReader& reader) {
  if (frame.size() < 1 + kSealBytes || frame[0] != static_cast<std::uint8_t>(kind)) return false;
  const Bytes covered = frame.first(frame.size() - kSealBytes);
  const bool opens = ByteReader(frame.last(kSealBytes)).Fixed32() == SealOf(AsText(covered), key);
  if (!opens && !Seeded(Bug::kseal_unchecked)) return false;
  reader = ByteReader(covered.subspan(1));
  return true;
}

std::uint64_t ReadGamma(BitReader& reader) {
  const auto bits = static_cast<unsigned>(reader.Unary(16));
  return std::uint64_t{1} << bits | reader.Bits(bits);
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

// The parts of a round. Each gives null, or the name of what is wrong.
const char* ReadAcks(ByteReader& reader, std::vector<Ack>& acks) {
  std::uint64_t count = 0;
  if (!ReadCount(reader, 2, kPositionsMax, count)) return "ack count";
  for (std::uint64_t i = 0; i < count; ++i) {
    Ack ack;
    const bool keyed = ReadKey(reader, ack.key);
    const std::uint64_t have = reader.Varint();
    if (!keyed || !reader.ok() || (have >> 1) > kSeqMax) return "ack";
    ack.have = static_cast<std::uint32_t>(have >> 1);
    ack.hole = (have & 1) != 0;
    acks.push_back(std::move(ack));
  }
  return nullptr;
}

const char* ReadDefinitions(ByteReader& reader, Round& round) {
  std::uint64_t count = 0;
  if (!ReadCount(reader, 3, kNamesMax, count)) return "scope count";
  for (std::uint64_t i = 0; i < count; ++i) {
    Definition<ScopeName> scope;
    const std::uint64_t slot = reader.Varint();
    const std::uint8_t kind = reader.U8();
    scope.name = {std::string(reader.Blob()), static_cast<Kind>(kind)};
    if (!reader.ok() || slot >= kNamesMax || kind > 1 || scope.name.model.size() > kNameBytesMax) return "scope";
    scope.slot = static_cast<Slot>(slot);
    round.scopes.push_back(std::move(scope));
  }
  if (!ReadCount(reader, 11, kNamesMax, count)) return "worker count";
  for (std::uint64_t i = 0; i < count; ++i) {
    Definition<WorkerName> worker;
    const std::uint64_t slot = reader.Varint();
    if (slot >= kNamesMax || !ReadWorkerName(reader, worker.name)) return "worker";
    worker.slot = static_cast<Slot>(slot);
    round.workers.push_back(std::move(worker));
  }
  return nullptr;
}

const char* ReadLoads(ByteReader& reader, std::vector<Load>& loads) {
  std::uint64_t count = 0;
  if (!ReadCount(reader, 2, kNamesMax, count)) return "load count";
  std::uint64_t worker = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t step = reader.Varint();
    worker = step < kNamesMax ? worker + step : kNamesMax;
    const std::uint64_t in_flight = reader.Varint();
    if (!reader.ok() || worker >= kNamesMax || in_flight > UINT32_MAX) return "load";
    loads.push_back({static_cast<Slot>(worker), static_cast<std::uint32_t>(in_flight)});
  }
  return nullptr;
}

const char* ReadRanges(ByteReader& reader, std::vector<RangeView>& ranges) {
  const std::uint8_t packed = reader.U8();
  const SlotBits bits{static_cast<unsigned>(packed >> 4), packed & 15u};
  if (bits.workers > 12 || bits.scopes > 12) return "slot bits";
  std::uint64_t count = 0;
  if (!ReadCount(reader, 8, kPositionsMax, count)) return "range count";
  std::uint64_t kept_bytes = 0;
  Record scratch;
  for (std::uint64_t i = 0; i < count; ++i) {
    RangeView range;
    if (!ReadRange(reader, bits, range, kept_bytes, scratch)) return "range";
    ranges.push_back(std::move(range));
  }
  return nullptr;
}

const char* ReadDigest(ByteReader& reader, Digest& digest) {
  if (!ReadSeq(reader, 1, digest.floor) || !ReadSeq(reader, digest.floor, digest.head)) return "digest";
  digest.heartbeat = static_cast<std::uint32_t>(reader.Varint());
  digest.vector_hash = reader.Fixed64();
  digest.register_hash = reader.Fixed32();
  digest.load_hash = static_cast<std::uint32_t>(reader.Varint());
  return nullptr;
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
    position.heartbeat = static_cast<std::uint32_t>(reader.Varint());
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
  round.has_digest = (parts & kHasDigest) != 0;
  const char* wrong = nullptr;
  if ((parts & kHasAcks) != 0) wrong = ReadAcks(reader, round.acks);
  if (wrong == nullptr && (parts & kHasDefinitions) != 0) wrong = ReadDefinitions(reader, round);
  if (wrong == nullptr && (parts & kHasLoads) != 0) wrong = ReadLoads(reader, round.loads);
  if (wrong == nullptr && (parts & kHasRanges) != 0) wrong = ReadRanges(reader, round.views);
  if (wrong == nullptr && round.has_digest) wrong = ReadDigest(reader, round.digest);
  if (wrong == nullptr && !reader.Finished()) wrong = "round length";
  if (wrong != nullptr) return Corrupt(wrong);
  return round;
}

}  // namespace prefixmesh::two_layer
