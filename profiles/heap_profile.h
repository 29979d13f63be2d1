// heap_profile.h — start here for heap profiles: what a router allocated, by part and by place, as a small text that is
// committed and compared.
//
//   scenario reference            a line per fact: name, value
//   peak_bytes 12345678
//   part tree 123456 0 789        name, bytes at the peak, bytes never freed, allocations
//   site tree 123456 0 789 prefixmesh::BlockIndex::Insert (block_index.cc)
//   end
//
// Threads: pure. Time: linear. Ownership: values. Units: bytes, calls, seconds. Errors: kInvalid, one line with the
// line number. Bounds: kProfileBytesMax of text, kStacksBytesMax of stacks, kSitesMax sites.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/result.h"

namespace prefixmesh::profiles {

inline constexpr std::size_t kProfileBytesMax = 1u << 20;
inline constexpr std::size_t kStacksBytesMax = 512u << 20;
inline constexpr std::size_t kSitesMax = 25;

struct HeapCost {
  std::uint64_t peak_bytes = 0, leaked_bytes = 0, allocations = 0;
};
struct Site {
  std::string part, function;
  HeapCost cost;
};

struct HeapProfile {
  std::string scenario, strategy, commit;
  double offered_rps = 0, achieved_rps = 0, load_s = 0, life_s = 0;
  std::uint64_t requests = 0;  // that the router was sent in its life
  HeapCost total;
  std::uint64_t allocated_bytes = 0;      // in its life, freed or not
  std::map<std::string, HeapCost> parts;  // by subsystem
  std::vector<Site> sites;                // the largest by bytes at the peak and by allocations

  double AllocationsPerRequest() const { return PerRequest(total.allocations); }
  double PerRequest(std::uint64_t count) const {
    return requests == 0 ? 0 : static_cast<double>(count) / static_cast<double>(requests);
  }
  double ChurnBytesPerSecond() const { return life_s > 0 ? static_cast<double>(allocated_bytes) / life_s : 0; }
};

// Lines "call;call;call COST" as `heaptrack_print --print-flamegraph` writes them, added into the profile.
enum class StackCost : std::uint8_t { kPeak, kLeaked, kAllocations };
Status AddStacks(std::string_view text, StackCost cost, HeapProfile& profile);
// Keeps the largest sites, in a stable order. After the last AddStacks.
void KeepLargestSites(HeapProfile& profile);
// Lines "SIZE\tCOUNT" of `heaptrack_print --print-histogram`: bytes allocated in all.
Result<std::uint64_t> AllocatedBytes(std::string_view histogram);

std::string ProfileText(const HeapProfile& profile);
Result<HeapProfile> ParseProfile(std::string_view text, const std::string& file);

// For people, 80 columns: the profile, or how it differs from another one.
std::string RenderProfile(const HeapProfile& profile);
std::string RenderDifference(const HeapProfile& before, const HeapProfile& after);

}  // namespace prefixmesh::profiles
