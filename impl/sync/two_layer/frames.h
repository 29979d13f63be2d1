// frames.h — the bytes of the two-layer protocol (docs/formats/two_layer.md draws them).
//
//   hello      who I am and what I speak; the only frame before the other's hello
//   round      acks, name definitions, loads, ranges of logs and the digest: whatever there is to say this beat
//   vector     where I stand in every log
//   registers  worker → incarnation, the maximum wins
//   pull       send me this log from here on
//   refuse     what I did not take, and why
//
// A page is a range that was cut by bytes; ranges of other routers' logs (relayed) are the same as the sender's own.
// Every frame ends with a 32-bit seal over its bytes and over both ends' incarnations (hello and refuse: over the bytes
// alone), so that a damaged frame, or one of another life, is never taken for a good one; every range carries a
// checksum over the *resolved* records, so that a slot that means another name here is noticed too.
//
// Encoding appends to a string; decoding gives a value or a typed error and never allocates more than the bytes present
// justify: counts are checked against what is left, records against kFrameRecordBytesMax. Records are validated and
// stay in the frame: a RecordCursor reads them one by one, because a record of 7 bytes would take 70 in a vector.
// Unknown kinds are kNotFound, so that the caller can skip and count them. Threads: any, no state. Ownership: values,
// but a RangeView borrows the frame.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "impl/base/result.h"
#include "impl/base/slices.h"
#include "impl/base/varint.h"
#include "impl/sync/two_layer/names.h"
#include "impl/sync/two_layer/window.h"
#include "impl/wire/bits.h"

namespace prefixmesh::two_layer {

// What this release speaks. The newest version both speak is used; a later release may append to a hello and may send
// kinds of frames that this one skips.
inline constexpr std::uint32_t kVersionMin = 1;
inline constexpr std::uint32_t kVersionMax = 1;

inline constexpr std::size_t kRecordsPerRunMax = 4096;
// Records of one frame, in bytes as kept. Senders cut pages far below it.
inline constexpr std::size_t kFrameRecordBytesMax = 1u << 20;
// Logs one vector may name.
inline constexpr std::size_t kPositionsMax = 256;
inline constexpr std::size_t kSealBytes = 4;

enum class FrameKind : std::uint8_t { kHello = 1, kRound = 2, kRefuse = 3, kVector = 4, kRegisters = 5, kPull = 6 };

// One life of one router: the owner of one log.
struct OriginKey {
  std::string router;
  Incarnation incarnation;
  auto operator<=>(const OriginKey&) const = default;
};

struct Hello {
  std::uint32_t version_min = kVersionMin;
  std::uint32_t version_max = kVersionMax;
  std::uint64_t hash_key_id = 0;
  std::uint32_t text_block_bytes = 0;
  std::uint32_t tokens_block_tokens = 0;
  std::uint32_t anchors = 0;
  std::uint64_t capabilities = 0;  // bits; none defined yet
  OriginKey sender;
  Incarnation heard;  // the receiver's, if its hello is in; else 0
};

// Where a router stands in one log: it has everything in [floor, have).
struct Position {
  OriginKey key;
  std::uint32_t floor = 1;
  std::uint32_t have = 1;
  std::uint64_t sum = 0;     // of the entry hashes in [floor, have)
  std::uint64_t age_ms = 0;  // of the evidence that the owner is alive
  std::uint32_t beat = 0;    // that evidence: the owner's count of heartbeats
};

struct Vector {
  bool reply_wanted = false;
  std::vector<Position> positions;
};

struct Pull {
  OriginKey key;
  std::uint32_t from = 1;
};

enum class RefuseReason : std::uint8_t {
  kVersion = 1,        // no common version
  kHashKey = 2,        // another hash key or scheme
  kCorrupt = 3,        // a frame that does not decode
  kBlockSize = 4,      // other blocks
  kIdentity = 5,       // not the router this stream is for
  kFork = 6,           // two writers under `key`: poisoned
  kUnknownOrigin = 7,  // `key` is not held here
  kTooBig = 8,         // a log beyond what this router keeps of one
  kNames = 9,          // more names than this router keeps
};
const char* RefuseReasonName(RefuseReason reason);

struct Refusal {
  RefuseReason reason = RefuseReason::kCorrupt;
  OriginKey key;  // kFork, kUnknownOrigin, kTooBig
};

// An empty key.router means the log of the frame's receiver (acks) or sender (ranges).
struct Ack {
  OriginKey key;
  std::uint32_t have = 0;
  bool hole = false;  // a range came that does not fit at `have`: send again from there
};

struct Load {
  Slot worker = 0;
  std::uint32_t in_flight = 0;
};

template <typename Name>
struct Definition {
  Slot slot = 0;
  Name name;
};

struct Range {
  OriginKey key;
  std::uint32_t floor = 1;
  std::uint32_t first_seq = 1;
  bool more = false;           // the sender has more: acknowledge at once
  std::uint32_t checksum = 0;  // low bits of the sum of the records' entry hashes
  std::vector<Record> records;
};

// In how many bits slots are written; part of the frame, so that decoding needs no state.
struct SlotBits {
  unsigned workers = 0;
  unsigned scopes = 0;
};
SlotBits SlotBitsFor(std::size_t workers, std::size_t scopes);

// A range as it came in, its records validated and still in the frame.
struct RangeView {
  OriginKey key;
  std::uint32_t floor = 1;
  std::uint32_t first_seq = 1;
  bool more = false;
  std::uint32_t checksum = 0;
  std::uint32_t records = 0;
  std::uint64_t runs = 0;
  SlotBits bits;
  Bytes bytes;  // of the runs
  std::uint32_t end() const { return first_seq + records; }
};

// Reads the records of a range in order, into one Record whose memory is used again.
class RecordCursor {
 public:
  explicit RecordCursor(const RangeView& range)
      : reader_(range.bytes), bits_(Bytes()), slot_bits_(range.bits), runs_left_(range.runs), seq_(range.first_seq) {}
  // False at the end; and, in bytes that were not validated, at what is no record.
  bool Next(Record& record);
  bool ok() const { return ok_; }
  std::uint32_t seq() const { return seq_; }  // of the next record
  std::size_t bytes_left() const { return reader_.remaining(); }

 private:
  bool BeginRun();
  bool ReadRecord(Record& record);

  ByteReader reader_;
  BitReader bits_;
  const SlotBits slot_bits_;
  std::uint64_t runs_left_;
  std::uint64_t in_run_ = 0;  // records left
  unsigned rice_ = 0;
  std::uint64_t previous_ = 0;
  std::uint32_t seq_;
  bool ok_ = true;
};

// At rest it is all that two routers say to each other.
struct Digest {
  std::uint32_t floor = 1, head = 1;  // of the sender's own log
  std::uint32_t beat = 0;             // heartbeats of this life of the sender
  std::uint64_t vector_hash = 0;
  std::uint32_t register_hash = 0;
  std::uint32_t load_hash = 0;  // of what the receiver was told of loads, this frame included (load_table.h)
  bool operator==(const Digest&) const = default;
};

struct Round {
  std::vector<Ack> acks;
  std::vector<Definition<ScopeName>> scopes;
  std::vector<Definition<WorkerName>> workers;
  std::vector<Load> loads;
  std::vector<Range> ranges;     // to be encoded
  std::vector<RangeView> views;  // as decoded
  bool has_digest = false;
  Digest digest;
  bool resync = false;  // definitions and loads that the receiver sent are not known here: say them again
};

// Seals of frames on a stream from one life to another.
std::uint64_t SealKey(Incarnation sender, Incarnation receiver);
// Appends the seal. Every Encode function did it already.
void Seal(std::string& frame, std::uint64_t key);

std::string EncodeHello(const Hello& hello);
std::string EncodeRefusal(const Refusal& refusal);
std::string EncodeVector(const Vector& vector, std::uint64_t seal);
std::string EncodeRegisters(const std::vector<WorkerName>& registers, std::uint64_t seal);
std::string EncodePull(const Pull& pull, std::uint64_t seal);
// A range on its own, so that one encoding serves every peer that needs it.
std::string EncodeRange(const Range& range, SlotBits bits);
// `round.ranges` is not read: `ranges` are the encoded ones.
std::string EncodeRound(const Round& round, SlotBits bits, const std::vector<const std::string*>& ranges,
                        std::uint64_t seal);
std::string EncodeRound(const Round& round, SlotBits bits, std::uint64_t seal);

Result<FrameKind> PeekKind(Bytes frame);
Result<Hello> DecodeHello(Bytes frame);
Result<Refusal> DecodeRefusal(Bytes frame);
Result<Vector> DecodeVector(Bytes frame, std::uint64_t seal);
Result<std::vector<WorkerName>> DecodeRegisters(Bytes frame, std::uint64_t seal);
Result<Pull> DecodePull(Bytes frame, std::uint64_t seal);
Result<Round> DecodeRound(Bytes frame, std::uint64_t seal);

}  // namespace prefixmesh::two_layer
