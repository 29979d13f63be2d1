// Goal: who lacks what, and who stands where the others do. The oracle is a set of records for each router and log,
// with positions made from it.
#include "bench/run/convergence.h"

#include <catch2/catch.hpp>
#include <set>

#include "impl/base/prng.h"
#include "tests/support/properties.h"

namespace prefixmesh::bench {
namespace {

void AddLog(v1::SyncPositions& positions, const std::string& router, std::uint32_t floor, std::uint32_t head,
            std::uint64_t sum = 0, std::uint64_t incarnation = 1) {
  v1::LogPosition& log = *positions.add_logs();
  log.set_router(router);
  log.set_incarnation(incarnation);
  log.set_floor(floor);
  log.set_head(head);
  log.set_sum(sum);
}

TEST_CASE("Convergence: a router lacks what its owner keeps and it does not have, whatever came since") {
  test::ForAll("any two logs and a reader", [](std::uint64_t seed) {
    Prng prng(seed);
    Heads heads;
    v1::SyncPositions reader;
    std::set<std::pair<std::string, std::uint32_t>> kept, has;
    for (const char* router : {"a", "b"}) {
      v1::SyncPositions own;
      const auto floor = static_cast<std::uint32_t>(1 + prng.Below(20)),
                 head = static_cast<std::uint32_t>(floor + prng.Below(20));
      AddLog(own, router, floor, head);
      AddLog(own, "another", 1, 1000);  // a copy: not its own to answer for
      AddOwnLog(router, own, heads);
      for (std::uint32_t seq = floor; seq < head; ++seq) kept.insert({router, seq});
      if (prng.Below(4) == 0) continue;  // the reader has never heard of it
      const auto have = static_cast<std::uint32_t>(1 + prng.Below(50));
      AddLog(reader, router, 1, have);
      for (std::uint32_t seq = 1; seq < have; ++seq) has.insert({router, seq});
    }
    std::uint64_t lacking = 0;
    for (const auto& record : kept) lacking += has.count(record) == 0;
    REQUIRE(heads.size() == 2);
    REQUIRE(Lacking(heads, reader) == lacking);
  });
}

TEST_CASE("Convergence: another life's log is another log") {
  v1::SyncPositions own, reader;
  AddLog(own, "a", 1, 10, 0, 7);
  AddLog(reader, "a", 1, 10, 0, 6);
  Heads heads;
  AddOwnLog("a", own, heads);
  REQUIRE(Lacking(heads, reader) == 9);
}

TEST_CASE("Convergence: positions are the same when every log is, floor, head and sum") {
  v1::SyncPositions one;
  AddLog(one, "a", 1, 10, 5);
  AddLog(one, "b", 3, 4, 6);
  std::vector<v1::SyncPositions> routers(3, one);
  REQUIRE(SamePositions(routers));
  const auto differs = [&](auto change) {
    std::vector<v1::SyncPositions> other = routers;
    change(*other[2].mutable_logs(1));
    return !SamePositions(other);
  };
  REQUIRE(differs([](v1::LogPosition& log) { log.set_router("c"); }));
  REQUIRE(differs([](v1::LogPosition& log) { log.set_incarnation(2); }));
  REQUIRE(differs([](v1::LogPosition& log) { log.set_floor(2); }));
  REQUIRE(differs([](v1::LogPosition& log) { log.set_head(5); }));
  REQUIRE(differs([](v1::LogPosition& log) { log.set_sum(7); }));
  routers[1].mutable_logs()->RemoveLast();
  REQUIRE_FALSE(SamePositions(routers));
  REQUIRE_FALSE(SamePositions(std::vector<v1::SyncPositions>(2)));  // nothing is not the same as nothing
}

}  // namespace
}  // namespace prefixmesh::bench
