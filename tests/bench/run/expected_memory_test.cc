// Goal: what a run is expected to need follows how each strategy grows, so that the check before a run means something.
#include "bench/run/expected_memory.h"

#include <catch2/catch.hpp>

namespace prefixmesh::bench {
namespace {

double MiB(const char* strategy, double chars, double seconds) {
  load::Settings settings;
  settings.prompt.chars = static_cast<decltype(settings.prompt.chars)>(chars);
  settings.phases.load_s = seconds;
  return static_cast<double>(ExpectedRouterBytes(strategy, settings)) / (1 << 20);
}

TEST_CASE("ExpectedRouterBytes: ids do not grow with the prompt, texts do") {
  REQUIRE(MiB("two-layer", 80'000, 600) == MiB("two-layer", 500, 30));
  for (const char* strategy :
       {"crdt-ops",         "crdt-ops/a",       "crdt-ops/b",       "crdt-ops/c",       "raw-ops",
        "snapshot-ops",     "full-snapshot",    "full-snapshot/b",  "checkpoint",       "checkpoint/a",
        "checkpoint/b",     "checkpoint/c",     "checkpoint/d",     "capped-ops",       "tenant-deltas",
        "tenant-deltas/d1", "tenant-deltas/d2", "tenant-deltas/d3", "tenant-deltas/d4", "tenant-deltas/d5",
        "tenant-deltas/d6", "tenant-deltas/d7", "tenant-deltas/d8"})
    REQUIRE(MiB(strategy, 80'000, 120) > 3 * MiB(strategy, 8'000, 120));
}

TEST_CASE("ExpectedRouterBytes: the first generation's log: square at first, linear then, JSON seven times") {
  // 100 of a router's own a second: 1,000 requests with lists of 500 on average.
  REQUIRE(MiB("crdt-ops", 20'000, 5) == Approx(1'000 * 500 * 20'000.0 / (1 << 20)).epsilon(0.1));
  REQUIRE(MiB("crdt-ops/a", 20'000, 5) > 6 * MiB("crdt-ops", 20'000, 5));
  REQUIRE(MiB("crdt-ops", 500, 600) == Approx(MiB("crdt-ops", 500, 300)).epsilon(0.5));  // 10,000 entries
  REQUIRE(MiB("crdt-ops/c", 20'000, 50) < MiB("crdt-ops/c", 20'000, 70) / 5);            // the first checkpoint
}

TEST_CASE("ExpectedRouterBytes: pending of the third and sixth grows with the run, the second's does not") {
  const auto slope = [](const char* strategy) { return MiB(strategy, 20'000, 600) - MiB(strategy, 20'000, 300); };
  REQUIRE(slope("snapshot-ops") > slope("raw-ops") + 300 * 100 * 20'000.0 / (1 << 20) * 0.9);
  REQUIRE(slope("capped-ops") == slope("snapshot-ops"));
}

}  // namespace
}  // namespace prefixmesh::bench
