// crdt_log.h — the policy store of the first generation: a map of encoded values, and a log that has every value ever
// put.
//
//   Put ─► log     {key, a copy of the whole value, Lamport time, replica}, appended
//       └► map     key → value, version
//
// The log is never read here: it was the CRDT's record for merges that this store never got. Until #825 nothing ever
// shortened it; then, above 10,000 entries, the latest of each key stays, and if that is still above, the newest 7,500.
//
// Threads: mesh loop. Ownership: owns both copies of each value. Time and errors: none. Bounds: entries_max, or
// none (historical); none in bytes. Bytes are running totals, as malloc cuts them. Source: specification of the
// generations, §2 S1.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "impl/sync/trims.h"

namespace prefixmesh::generations {

class CrdtLog {
 public:
  struct Entry {
    std::string value;
    std::uint64_t version = 0;
  };

  // entries_max: SIZE_MAX for a log that is never shortened. What a compaction drops is counted in `trims`, which is
  // borrowed.
  CrdtLog(std::string replica, std::size_t entries_max, Trims& trims)
      : replica_(std::move(replica)), entries_max_(entries_max), trims_(trims) {}

  // Null: not there.
  const Entry* Find(std::string_view key) const;
  void Put(const std::string& key, std::string value, std::uint64_t version);

  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }
  // Moves with every put: the idle gate.
  std::uint64_t generation() const { return clock_; }
  std::uint64_t log_bytes() const { return log_bytes_ + log_.capacity() * sizeof(Operation); }
  std::size_t log_entries() const { return log_.size(); }
  std::uint64_t map_bytes() const { return map_bytes_; }

 private:
  struct Operation {
    std::string key;
    std::string value;
    std::uint64_t time = 0;
    std::string replica;

    std::uint64_t bytes() const;
  };
  void Compact();

  const std::string replica_;
  const std::size_t entries_max_;
  Trims& trims_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::vector<Operation> log_;
  std::uint64_t clock_ = 0;
  std::uint64_t log_bytes_ = 0;
  std::uint64_t map_bytes_ = 0;
};

}  // namespace prefixmesh::generations
