// When a heap has got worse: of own parts, beyond a share and beyond what runs differ by.
#include "profiles/judge.h"

#include <catch2/catch.hpp>

namespace prefixmesh::profiles {
namespace {

HeapProfile Of(std::uint64_t peak, std::uint64_t allocations, const std::string& part = "tree") {
  HeapProfile profile;
  profile.requests = 100;
  profile.parts[part] = {peak, 0, allocations};
  profile.sites.push_back({part, "Grow", {peak, 0, allocations}});
  return profile;
}

bool Grew(const HeapProfile& before, const HeapProfile& after, bool of_bytes) {
  for (const PartJudgement& each : JudgeParts(before, after))
    if (each.of_bytes == of_bytes) return each.grew;
  FAIL("not judged");
  return false;
}

TEST_CASE("a part grows by a tenth and by more than its slack, in bytes or in allocations") {
  struct Row {
    std::uint64_t peak_before, peak_after, allocations_before, allocations_after;
    bool bytes_grew, allocations_grew;
  };
  const Row rows[] = {
      {1 << 20, 1 << 20, 500, 500, false, false},
      {1 << 20, (1 << 20) + (200 << 10), 500, 500, true, false},     // a fifth, 200 KiB
      {10 << 20, (10 << 20) + (200 << 10), 500, 500, false, false},  // a fiftieth
      {10 << 10, 60 << 10, 500, 500, false, false},                  // sixfold, but 50 KiB
      {0, 80 << 10, 0, 500, true, true},                             // was not there
      {1 << 20, 1 << 20, 500, 560, false, true},                     // 5.0 to 5.6 per request
      {1 << 20, 1 << 20, 500, 540, false, false},
      {1 << 20, 1 << 20, 2, 8, false, false},  // 0.02 to 0.08 per request
      {1 << 20, 1 << 19, 500, 100, false, false},
  };
  for (const Row& row : rows) {
    INFO(row.peak_before << " to " << row.peak_after << ", " << row.allocations_before << " to "
                         << row.allocations_after);
    const HeapProfile before = Of(row.peak_before, row.allocations_before);
    const HeapProfile after = Of(row.peak_after, row.allocations_after);
    CHECK(Grew(before, after, true) == row.bytes_grew);
    CHECK(Grew(before, after, false) == row.allocations_grew);
  }
}

TEST_CASE("bodies in flight may differ by more, and what is not ours is not judged") {
  CHECK(!Grew(Of(1 << 20, 0, "bodies"), Of(2 << 20, 0, "bodies"), true));
  CHECK(Grew(Of(1 << 20, 0, "bodies"), Of(4 << 20, 0, "bodies"), true));
  CHECK(JudgeParts(Of(1 << 20, 0, "gRPC"), Of(9 << 20, 0, "gRPC")).empty());
}

TEST_CASE("allocations are per request, so a run with more of them is no worse") {
  HeapProfile before = Of(1 << 20, 500), after = Of(1 << 20, 1000);
  after.requests = 200;
  CHECK(!Grew(before, after, false));
}

}  // namespace
}  // namespace prefixmesh::profiles
