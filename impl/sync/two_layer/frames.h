// frames.h — the bytes of the two-layer protocol (docs/formats/two_layer.md draws them): hello, round, refuse.
//
// Encoding appends to a string; decoding gives a value or a typed error and never allocates more than the bytes present
// justify: every count is checked against what is left. Unknown kinds are kNotFound, so that the caller can skip and
// count them. Threads: any, no state. Ownership: values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "impl/base/result.h"
#include "impl/base/slices.h"
#include "impl/sync/two_layer/names.h"
#include "impl/sync/two_layer/window.h"

namespace prefixmesh::two_layer {

inline constexpr std::uint32_t kProtocolVersion = 1;
inline constexpr std::size_t kRecordIdsMax = 512;
inline constexpr std::size_t kRecordsPerRunMax = 4096;

enum class FrameKind : std::uint8_t { kHello = 1, kRound = 2, kRefuse = 3 };

// Where a router stands in one origin's log.
struct Position {
  std::string origin;
  Incarnation incarnation;
  std::uint32_t floor = 1;
  std::uint32_t have = 1;  // next seq wanted: everything in [floor, have) is here
};

struct Hello {
  std::uint32_t version_min = kProtocolVersion;
  std::uint32_t version_max = kProtocolVersion;
  std::uint64_t hash_key_id = 0;
  Incarnation incarnation;         // of the sender
  std::uint64_t capabilities = 0;  // bits; none defined yet
  std::vector<Position> positions;
  std::vector<WorkerName> registers;
};

// Acknowledges a log's range. The incarnation is that of the log's owner; another than the current is ignored.
struct Ack {
  Incarnation incarnation;
  std::uint32_t have = 0;
  bool hole = false;  // a range came that starts above `have`: send again from there
};

struct Load {
  std::uint16_t worker = 0;  // the sender's slot
  std::uint32_t in_flight = 0;
};

// One beat: what is new for this peer. Empty parts cost nothing.
struct Round {
  bool has_ack = false;
  Ack ack;
  std::uint16_t first_scope = 0;  // slots defined from here on
  std::vector<ScopeName> scopes;
  std::uint16_t first_worker = 0;
  std::vector<WorkerName> workers;
  std::vector<Load> loads;
  // Records [first_seq, first_seq + records.size()) of the sender's own log, and its floor.
  bool has_range = false;
  std::uint32_t floor = 1;
  std::uint32_t first_seq = 1;
  std::vector<Record> records;
};

enum class RefuseReason : std::uint8_t { kVersion = 1, kHashKey = 2, kCorrupt = 3 };
const char* RefuseReasonName(RefuseReason reason);

std::string EncodeHello(const Hello& hello);
std::string EncodeRefuse(RefuseReason reason);
// Bits used for a worker slot follow from `worker_count`, the slots the peer knows after this frame's definitions.
// `records_bytes`, if not null, gets the bytes of the range part.
std::string EncodeRound(const Round& round, std::size_t worker_count, std::size_t scope_count,
                        std::size_t* records_bytes = nullptr);

Result<FrameKind> PeekKind(Bytes frame);
Result<Hello> DecodeHello(Bytes frame);
Result<RefuseReason> DecodeRefuse(Bytes frame);
// `worker_count` and `scope_count` are the slots this stream has defined before this frame.
Result<Round> DecodeRound(Bytes frame, std::size_t worker_count, std::size_t scope_count);

}  // namespace prefixmesh::two_layer
