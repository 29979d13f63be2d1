// pending_ops.h — operations that were placed here and are in no checkpoint yet: per tree, newest last, with the whole
// prompt. The second, third and sixth generation and two of the first's variants sent their deltas from it.
//
//   counter 12, 5 pending:   base = 12 − 5 = 7     8 9 10 11 12
//   watermark 9:             sent are               · · 10 11 12     label 9 → 12
//   watermark 6 < base:      a gap: what lies between is not here any more
//
// One list for all peers: a fast peer's mark trims what a slow one still needs (H7). The base is reckoned from the
// counter, which a remote apply moves without adding anything here (H5).
//
// Fixed (hazards.h): each operation keeps the counter at which it was placed, and the base is that of the last one
// that left (H5); a mark trims only what every stream has had (H7).
//
// Threads: mesh loop. Ownership: owns the operations. Time and errors: none. Bounds: in operations per tree, not in
// bytes (historical): halved above mark_trim_operations when marked, above force_trim_operations when refused at a
// dialer. Bytes are a running total. Source: specification of the generations, §2 S1b and S2, §2.10 T1–T3.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "impl/sync/generations/context.h"
#include "impl/wire/bincode.h"

namespace prefixmesh::generations {

class PendingOps {
 public:
  // Borrows the context, and counts in it what is trimmed.
  explicit PendingOps(Context& context) : context_(context), keeps_counters_(context.Fixes(Hazard::kRemoteMovesBase)) {}

  // `version`: the counter with this operation.
  void Append(const std::string& key, TreeOperation operation, std::uint64_t version);
  // Those of the key, or none.
  const std::vector<TreeOperation>& Of(std::string_view key) const;
  std::size_t Count(std::string_view key) const { return Of(key).size(); }
  // Index of the first operation beyond the watermark, with this counter, or Count() if none is; nullopt: a gap.
  std::optional<std::size_t> FirstBeyond(std::string_view key, std::uint64_t version, std::uint64_t watermark) const;
  // The counter after the operation with this index, with this counter now.
  std::uint64_t VersionAt(std::string_view key, std::uint64_t version, std::size_t index) const;

  // A batch's entry: as a delta between these versions, `count` of the key's operations from index `first` on.
  StoreEntry DeltaEntry(const std::string& key, std::size_t first, std::size_t count, std::uint64_t base_version,
                        std::uint64_t new_version, Time now) const;

  // Half of a long list, but only of what lies at or below the watermark, with this counter.
  void TrimAfterMark(std::string_view key, std::uint64_t version, std::uint64_t watermark);
  void ForceTrim(std::string_view key);
  // The oldest `count` of the key.
  void Drop(std::string_view key, std::size_t count);
  // Forgets keys that have nothing.
  void EraseEmpty();

  bool Has(std::string_view key) const { return pending_.contains(key); }
  const std::map<std::string, std::vector<TreeOperation>, std::less<>>& all() const { return pending_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t operations() const { return operations_; }

 private:
  // H5 fixed.
  struct Counters {
    std::uint64_t base = 0;            // of the last operation that left
    std::vector<std::uint64_t> after;  // of each operation
  };
  std::uint64_t Base(std::string_view key, std::uint64_t version) const;

  Context& context_;
  const bool keeps_counters_;
  std::map<std::string, Counters, std::less<>> counters_;
  std::map<std::string, std::vector<TreeOperation>, std::less<>> pending_;
  std::uint64_t bytes_ = 0;
  std::uint64_t operations_ = 0;
};

}  // namespace prefixmesh::generations
