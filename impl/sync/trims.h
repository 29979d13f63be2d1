// trims.h — what the generations let go of to stay within a number of entries, counted by why.
//
//   force      half of what is pending, because a batch was refused as too big at a dialer
//   mark       half of what is pending, because it was long when a batch was marked
//   list_cap   the older half of an operation list that grew beyond its cap (H14)
//   log_cap    what a compacted operation log no longer has
//   index_cap  all of the hashes' index, above its bound
//
// Operations that are trimmed before a peer had them never reach it; that is what the counts are for. The mesh logs
// that a count grew.
//
// Threads: the mesh loop. Ownership: values. Time, errors: none. Bounds: one count per kind.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace prefixmesh {

enum class Trim : std::uint8_t { kForce, kMark, kListCap, kLogCap, kIndexCap };
inline constexpr std::size_t kTrimCount = 5;

class Trims {
 public:
  struct Counts {
    std::uint64_t times = 0;
    std::uint64_t entries = 0;  // operations, or entries of the log or index
  };
  // Nothing happened if there were no entries.
  void Add(Trim kind, std::uint64_t entries) {
    if (entries == 0) return;
    ++counts_[static_cast<std::size_t>(kind)].times;
    counts_[static_cast<std::size_t>(kind)].entries += entries;
  }
  void Take(Trim kind, const Counts& counts) { counts_[static_cast<std::size_t>(kind)] = counts; }
  const Counts& Of(Trim kind) const { return counts_[static_cast<std::size_t>(kind)]; }

 private:
  std::array<Counts, kTrimCount> counts_;
};

inline const char* TrimName(Trim kind) {
  switch (kind) {
    case Trim::kForce:
      return "force";
    case Trim::kMark:
      return "mark";
    case Trim::kListCap:
      return "list_cap";
    case Trim::kLogCap:
      return "log_cap";
    case Trim::kIndexCap:
      return "index_cap";
  }
  return "unknown";
}

}  // namespace prefixmesh
