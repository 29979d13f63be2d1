// report.h — what a strategy says of itself: counts of records, its buffers, what it did not take, and where it stands
// in the logs that it keeps.
//
// Threads: values. Ownership: names are literals. Errors, time: none. Bounds: fixed numbers of rows, so that filling a
// report allocates nothing; positions are for tests and simulators.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "impl/base/ids.h"
#include "impl/sync/trims.h"

namespace prefixmesh {

struct RecordCounts {
  std::uint64_t local = 0, sent = 0, received = 0, applied = 0, stale = 0, unresolved = 0;
};

// Bytes and entries of one buffer, by a fixed name. Filling it allocates nothing and walks nothing.
struct BufferSize {
  const char* name = "";
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;
};

struct StrategyReport {
  RecordCounts records;
  BufferSize buffers[8];
  std::size_t buffer_count = 0;
  Trims trims;
  std::uint64_t decode_errors = 0;
  std::uint64_t unknown_frames = 0;  // of a kind that this release does not know: skipped
  // What was not taken, by reason; decode_errors is among them. Empty: the strategy counts decode_errors alone.
  struct Rejects {
    const char* reason = "";
    std::uint64_t count = 0;
  };
  Rejects rejects[16];
  std::size_t reject_count = 0;

  void Add(const char* name, std::uint64_t bytes, std::uint64_t entries) {
    if (buffer_count < 8) buffers[buffer_count++] = {name, bytes, entries};
  }
};

// Where this router stands in one log: it holds [floor, head) of what `router` wrote in that incarnation. Two routers
// whose positions are equal, sums included, hold the same.
struct LogPosition {
  std::string router;
  Incarnation incarnation;
  std::uint32_t floor = 1, head = 1;
  std::uint64_t sum = 0;   // of the records' hashes
  std::uint64_t copy = 0;  // a log that was dropped and learned again is another copy
  bool own = false;        // this router writes it
};

}  // namespace prefixmesh
