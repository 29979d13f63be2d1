// Goal: of an own worker only its own word counts, of others the maximum. Method: tables of what is said and what
// holds.
#include "impl/sync/two_layer/registers.h"

#include <catch2/catch.hpp>

namespace prefixmesh::two_layer {
namespace {

constexpr Introducer kPeer = 1;

WorkerName W(std::uint64_t incarnation) { return {"w", Incarnation{incarnation}}; }

TEST_CASE("Registers: what a peer says of a worker, and what holds afterwards") {
  struct Row {
    const char* when;
    bool own;
    std::uint64_t before;  // 0: nothing was said
    std::uint64_t received;
    bool complete;
    std::uint64_t after;
    std::uint64_t doubt;  // 0: none
  };
  for (const Row& row :
       {Row{"of others, the first", false, 0, 5, true, 5, 0}, Row{"of others, a higher one", false, 5, 6, false, 6, 0},
        Row{"of others, a lower one", false, 5, 4, true, 5, 0}, Row{"of own, the same", true, 5, 5, true, 5, 0},
        Row{"of own, a higher one", true, 5, 6, true, 5, 6},
        Row{"of own, a higher one in a record", true, 5, 6, false, 5, 6},
        Row{"of own, a lower one", true, 5, 4, true, 5, 4},
        Row{"of own, a lower one in a record", true, 5, 4, false, 5, 0}}) {
    INFO(row.when);
    Names<WorkerName> names(1);
    Registers registers(names, 1);
    Actions actions;
    if (row.own) registers.RaiseOwn("w", Incarnation{row.before});
    if (!row.own && row.before != 0) registers.Receive(W(row.before), kPeer, true, actions);
    actions.clear();
    registers.Receive(W(row.received), kPeer, row.complete, actions);
    CHECK(registers.Since(0) == std::vector<WorkerName>{W(row.after)});
    CHECK(actions.size() == (row.after != row.before ? 1u : 0u));
    const std::vector<WorkerName> doubts = registers.TakeDoubts();
    REQUIRE(doubts.size() == (row.doubt != 0 ? 1u : 0u));
    if (row.doubt != 0) CHECK(doubts[0] == W(row.doubt));
    CHECK_FALSE(registers.has_doubts());
  }
}

TEST_CASE("Registers: records about a worker's other incarnations are older, or ahead if the worker is an own one") {
  Names<WorkerName> names(1);
  Registers registers(names, 1);
  Actions actions;
  REQUIRE(registers.RaiseOwn("w", Incarnation{5}));
  REQUIRE_FALSE(registers.RaiseOwn("w", Incarnation{4}));
  registers.Receive({"v", Incarnation{5}}, kPeer, true, actions);
  using Standing = Registers::Standing;
  CHECK(registers.StandingOf(W(4)) == Standing::kOlder);
  CHECK(registers.StandingOf(W(5)) == Standing::kPresent);
  CHECK(registers.StandingOf(W(6)) == Standing::kAhead);
  CHECK(registers.StandingOf({"v", Incarnation{5}}) == Standing::kPresent);
  CHECK(registers.StandingOf({"v", Incarnation{6}}) == Standing::kOlder);
  CHECK(registers.StandingOf({"x", Incarnation{1}}) == Standing::kOlder);
}

TEST_CASE("Registers: equal registers hash alike, whatever they were before, and keep one name each") {
  Names<WorkerName> names(1), other_names(1);
  Registers registers(names, 1), other(other_names, 1);
  Actions actions;
  for (std::uint64_t incarnation : {1, 3, 7}) registers.Receive(W(incarnation), kPeer, true, actions);
  REQUIRE(registers.hash() != other.hash());
  other.RaiseOwn("w", Incarnation{7});
  REQUIRE(registers.hash() == other.hash());
  REQUIRE(names.live() == 1);
}

}  // namespace
}  // namespace prefixmesh::two_layer
