// The stored profiles are whole, and show where each generation's memory was, as its history says.
#include <algorithm>
#include <catch2/catch.hpp>

#include "impl/base/whole_file.h"
#include "profiles/heap_profile.h"
#include "profiles/subsystems.h"

namespace prefixmesh::profiles {
namespace {

HeapProfile Stored(const std::string& strategy) {
  const std::string file = "profiles/reference/" + strategy + ".txt";
  INFO(file);
  const Result<std::string> text = ReadWholeFile(file, kProfileBytesMax);
  REQUIRE(text.ok());
  Result<HeapProfile> profile = ParseProfile(*text, file);
  REQUIRE(profile.ok());
  CHECK(profile->scenario == "reference");
  CHECK(profile->strategy == strategy);
  CHECK(profile->achieved_rps >= profile->offered_rps / 2);
  std::uint64_t peak = 0;
  for (const auto& [name, cost] : profile->parts) peak += cost.peak_bytes;
  CHECK(peak == profile->total.peak_bytes);
  return *profile;
}

TEST_CASE("what history blamed a generation for is where its profile has it") {
  struct Row {
    const char *strategy, *blamed;
    double least;  // share of the peak
  };
  const Row rows[] = {{"crdt-ops", "CrdtLog::Put", 0.9},
                      {"raw-ops", "BincodeWriter", 0.5},
                      {"snapshot-ops", "GzipFrame", 0.2},
                      {"full-snapshot", "RadixTree::Walk", 0.15},
                      {"checkpoint", "DecompressBody", 0.05},
                      {"capped-ops", "generations::CopyOf", 0.2},
                      {"tenant-deltas", "TenantDeltas::Capture", 0.4}};
  for (const Row& row : rows) {
    INFO(row.strategy);
    const HeapProfile profile = Stored(row.strategy);
    const auto site = std::find_if(profile.sites.begin(), profile.sites.end(), [&](const Site& each) {
      return each.function.find(row.blamed) != std::string::npos;
    });
    REQUIRE(site != profile.sites.end());
    CHECK(static_cast<double>(site->cost.peak_bytes) >= row.least * static_cast<double>(profile.total.peak_bytes));
  }
}

TEST_CASE("of two-layer's heap no own part holds a mebibyte, and it is little more than without sync") {
  const HeapProfile profile = Stored("two-layer");
  for (const auto& [name, cost] : profile.parts)
    if (IsOwn(name)) CHECK(cost.peak_bytes < (name == "bodies" ? 1 << 20 : 512 << 10));
  CHECK(profile.total.peak_bytes < Stored("off").total.peak_bytes + (1 << 20));
}

}  // namespace
}  // namespace prefixmesh::profiles
