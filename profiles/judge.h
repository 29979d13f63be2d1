// judge.h — whether a heap got worse: of each part that is this project's own, the bytes at the peak and the
// allocations per request.
//
// A part has grown when it is above the other's by kGrowthShare and by more than what one run differs from the next:
// subsystems.h has the bytes of each part, kSlackPerRequest is of allocations. Where it grew says the place that grew
// most.
//
// Threads: pure. Ownership: values. Units: bytes, allocations per request. Errors: none. Bounds: two figures a part.
#pragma once

#include <string>
#include <vector>

#include "profiles/heap_profile.h"

namespace prefixmesh::profiles {

inline constexpr double kGrowthShare = 0.10;
inline constexpr double kSlackPerRequest = 0.1;

struct PartJudgement {
  std::string part;
  bool of_bytes = false;  // at the peak; else allocations per request
  double before = 0, after = 0;
  bool grew = false, shrank = false;
  std::string place = {};  // of one that grew: the function, and by how much
};
// Two a part that either has, in the order of their names.
std::vector<PartJudgement> JudgeParts(const HeapProfile& before, const HeapProfile& after);

}  // namespace prefixmesh::profiles
