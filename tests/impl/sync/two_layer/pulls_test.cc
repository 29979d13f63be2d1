// Goal: a pull goes to who can serve it, when it is time, and no sooner. Method: a table of states and outstanding
// pulls; the decision is a pure function.
#include "impl/sync/two_layer/pulls.h"

#include <catch2/catch.hpp>
#include <vector>

#include "impl/sync/two_layer/options.h"

namespace prefixmesh::two_layer {
namespace {

using std::chrono::milliseconds;
using Sources = std::vector<PullState::Source>;

constexpr Time kNow = std::chrono::seconds(100);
constexpr Time kTimeout = milliseconds(400);
constexpr PeerIndex kOwner{0}, kThird{1}, kFourth{2};

Time Ago(int ms) { return kNow - milliseconds(ms); }

// A log of which 10 is here and 20 exists, known for long, without progress.
struct State {
  std::uint32_t have = 10, known = 20;
  int progress_ago_ms = 5000, lacks_ago_ms = 5000;
  bool owner_reached = false;
  Sources others{};
  bool pending_peer_up = true;
};

// An outstanding pull that went to kThird.
struct Pending {
  int ago_ms = 0;
  int timeout_ms = 400;
  std::uint32_t have = 10;
};

struct Expected {
  std::optional<PeerIndex> asked;  // whom; nothing: nobody
  std::optional<int> timeout_ms;   // of what is outstanding afterwards; nothing: nothing is
};

struct Row {
  const char* when;
  State state;
  std::optional<Pending> pending;
  Expected expected;
};

const Expected kNothing{std::nullopt, std::nullopt};
const Expected kWaits{std::nullopt, 400};

const Row kRows[] = {
    // ---- nothing is outstanding
    {"nobody shows more than is here", {.others = {{kThird, 10}, {kFourth, 3}}}, {}, kNothing},
    {"the owner is reached and has no more", {.known = 10, .owner_reached = true}, {}, kNothing},
    {"the owner is reached and has more", {.owner_reached = true}, {}, {kOwner, 400}},
    {"the owner is reached: it goes before who shows more",
     {.owner_reached = true, .others = {{kThird, 30}}},
     {},
     {kOwner, 400}},
    {"the owner is reached and has no more, another shows more",
     {.known = 10, .owner_reached = true, .others = {{kThird, 11}}},
     {},
     {kThird, 400}},
    {"the owner is out of reach: who shows most", {.others = {{kThird, 15}, {kFourth, 20}}}, {}, {kFourth, 400}},
    {"the owner is out of reach: the first of those who show most",
     {.others = {{kThird, 20}, {kFourth, 20}}},
     {},
     {kThird, 400}},
    {"the lack is known for less than the timeout", {.lacks_ago_ms = 399, .others = {{kThird, 20}}}, {}, kNothing},
    {"the lack is known for the timeout", {.lacks_ago_ms = 400, .others = {{kThird, 20}}}, {}, {kThird, 400}},
    {"records come in", {.progress_ago_ms = 100, .others = {{kThird, 20}}}, {}, kNothing},
    // ---- a pull is outstanding, and somebody shows more
    {"it was just sent", {.others = {{kThird, 20}}}, Pending{399}, kWaits},
    {"it brought nothing: again, and the next one later", {.others = {{kThird, 20}}}, Pending{400}, {kThird, 800}},
    {"it brought nothing: another may show more by now",
     {.others = {{kThird, 15}, {kFourth, 20}}},
     Pending{400},
     {kFourth, 800}},
    {"it waits longer each time", {.others = {{kThird, 20}}}, Pending{799, 800}, {std::nullopt, 800}},
    {"it never waits for longer than a lease", {.others = {{kThird, 20}}}, Pending{2000, 2000}, {kThird, 3000}},
    {"it brings something",
     {.progress_ago_ms = 399, .others = {{kThird, 20}}},
     Pending{2000, 1600, 5},
     {std::nullopt, 1600}},
    {"it brought something and stopped: no need to wait long",
     {.progress_ago_ms = 400, .others = {{kThird, 20}}},
     Pending{2000, 1600, 5},
     {kThird, 400}},
    // ---- a pull is outstanding, and nobody shows more: it is a lease
    {"the lease is young", {.known = 10}, Pending{1499, 400, 5}, kWaits},
    {"the lease is half over and brought something", {.known = 10}, Pending{1500, 400, 5}, {kThird, 400}},
    {"the lease is half over and brought nothing", {.known = 10}, Pending{1500}, kWaits},
    {"the lease is over", {.known = 10}, Pending{3000, 400, 5}, kNothing},
    {"the owner is back", {.known = 10, .owner_reached = true}, Pending{1500, 400, 5}, kNothing},
    {"the donor's stream is gone", {.known = 10, .pending_peer_up = false}, Pending{1500, 400, 5}, kNothing},
};

TEST_CASE("Pulls: who is asked, and when") {
  for (const Row& row : kRows) {
    INFO(row.when);
    PullState state;
    state.have = row.state.have;
    state.known = row.state.known;
    state.progress_at = Ago(row.state.progress_ago_ms);
    state.lacks_since = Ago(row.state.lacks_ago_ms);
    state.owner_reached = row.state.owner_reached;
    if (row.state.owner_reached) state.owner = kOwner;
    state.others = row.state.others;
    state.pending_peer_up = row.state.pending_peer_up;
    std::optional<PendingPull> pending;
    if (row.pending)
      pending = {kThird, Ago(row.pending->ago_ms), milliseconds(row.pending->timeout_ms), row.pending->have};
    const PullDecision decision = DecidePull(kNow, kTimeout, state, pending);
    CHECK(decision.send == row.expected.asked.has_value());
    REQUIRE(decision.pending.has_value() == row.expected.timeout_ms.has_value());
    if (!decision.pending) continue;
    CHECK(decision.pending->timeout == milliseconds(*row.expected.timeout_ms));
    if (decision.send) {
      CHECK(decision.pending->peer.value == row.expected.asked->value);
      CHECK(decision.pending->at == kNow);
      CHECK(decision.pending->have == row.state.have);
    } else {  // untouched
      CHECK(decision.pending->at == pending->at);
      CHECK(decision.pending->have == pending->have);
    }
  }
}

}  // namespace
}  // namespace prefixmesh::two_layer
