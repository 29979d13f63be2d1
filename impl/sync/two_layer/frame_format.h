// frame_format.h — what the frames of the two-layer protocol say, and the limits of what they may say. The bytes are
// written by frame_writer.h and read by frame_reader.h; docs/formats/two_layer.md draws them.
//
//   hello      who the sender is and what it speaks; the only frame before the other's hello
//   round      acks, name definitions, loads, ranges of logs and the digest: whatever there is to say in this round
//   vector     where the sender stands in every log
//   registers  worker → incarnation, the maximum wins
//   pull       send me this log from here on
//   refuse     what was not accepted, and why
//
// A page is a range that was cut by bytes; ranges of other routers' logs (relayed) are the same as the sender's own.
// Every frame ends with a 32-bit seal over its bytes and over both ends' incarnations (hello and refuse: over the bytes
// alone), so that a damaged frame, or one of another incarnation, is never taken for a good one; every range carries a
// checksum over the *resolved* records, so that a slot that means another name at the receiver is noticed too.
//
// Threads: any, no state. Ownership: values, but a RangeView borrows the frame it was read from. Errors, time: none.
// Bounds: the constants below; the reader refuses what is beyond them.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/slices.h"
#include "impl/sync/two_layer/names.h"
#include "impl/sync/two_layer/window.h"

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

// One incarnation of one router: the owner of one log.
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
  std::uint64_t sum = 0;        // of the entry hashes in [floor, have)
  std::uint64_t age_ms = 0;     // of the evidence that the owner is alive
  std::uint32_t heartbeat = 0;  // that evidence: the owner's count of heartbeats
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

// Beside a count: the sender does not reach the worker.
inline constexpr std::uint32_t kUnreached = 1u << 31;
struct Load {
  Slot worker = 0;
  std::uint32_t in_flight = 0;  // and kUnreached
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

// At rest it is all that two routers say to each other.
struct Digest {
  std::uint32_t floor = 1, head = 1;  // of the sender's own log
  std::uint32_t heartbeat = 0;        // heartbeats of this incarnation of the sender
  std::uint64_t vector_hash = 0;
  std::uint32_t register_hash = 0;
  std::uint32_t load_hash = 0;  // of what the receiver was told of loads, this frame included (load_table.h)
  bool operator==(const Digest&) const = default;
};

// Whatever there is to say in one round.
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

// Bits of the byte that says which parts of a round follow, in this order.
inline constexpr std::uint8_t kHasAcks = 1, kHasDefinitions = 2, kHasLoads = 4, kHasRanges = 8, kHasDigest = 16,
                              kResync = 32;
inline constexpr std::uint8_t kAllParts = 63;

// The key of the seals on a stream from one incarnation to another.
std::uint64_t SealKey(Incarnation sender, Incarnation receiver);
// The seal of a frame: the low half of XXH3 over all its bytes before the seal.
std::uint32_t SealOf(std::string_view bytes, std::uint64_t key);

}  // namespace prefixmesh::two_layer
