// Goal: what a decision allocates is counted and cannot grow unseen: nothing for a matched request, and for a placement
// as many as are written here. Method: the router core with two-layer and its mesh, on a clock moved by hand and one
// thread, so that every run counts the same.
#include "impl/router/decider.h"

#include <catch2/catch.hpp>

#include "tests/support/allocations.h"
#include "tests/support/manual_router.h"

namespace prefixmesh {
namespace {

constexpr std::size_t kWorkers = 20;

struct Router : test::ManualRouter {
  Router() : ManualRouter(kWorkers) {}

  // Allocations of one decision; the request ends at once.
  std::uint64_t CountedDecide(const std::string& text) {
    const Slices prompt(AsBytes(text));
    const std::uint64_t before = test::Allocations().count;
    const Result<RouteDecision> decision = core->Decide({"m", Kind::kText, &prompt}, false);
    const std::uint64_t counted = test::Allocations().count - before;
    REQUIRE(decision.ok());
    reason = decision->reason;
    core->Finish(decision->worker, Forwarded::kServed);
    return counted;
  }

  DecisionReason reason = DecisionReason::kNone;
};

// 80,000 bytes of which the first four fifths are one of ten templates'.
std::string PromptOf(std::size_t number) {
  Prng shared(number % 10), own(1000 + number);
  std::string text;
  while (text.size() < 80'000) {
    const std::uint64_t word = (text.size() < 64'000 ? shared : own).Next();
    text.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  return text;
}

// Of 1,000 placements, by compiler and standard library: its containers decide how often they grow. Fewer is a gain to
// write down here, more is to be explained.
struct Ratchet {
  std::string_view compiler;
  long library;
  std::uint64_t allocations;
};
constexpr Ratchet kRatchets[] = {{"12.2.0", 20220819, 1593}};
constexpr std::size_t kPlacements = 1000;

TEST_CASE("Decider: a matched request whose worker is known to hold it allocates nothing") {
  Router router;
  const std::string text = PromptOf(1);
  router.CountedDecide(text);
  router.loop.AdvanceBy(std::chrono::milliseconds(60));  // a round takes what was offered
  router.CountedDecide(text);
  std::uint64_t allocations = 0;
  for (int i = 0; i < 1000; ++i) {
    allocations += router.CountedDecide(text);
    REQUIRE(router.reason == DecisionReason::kCache);
  }
  REQUIRE(allocations == 0);
}

TEST_CASE("Decider: a placement allocates as often as it is written here, for this compiler and library") {
  if (!test::kCountsAllocations) return;
  Router router;
  std::uint64_t allocations = 0;
  for (std::size_t i = 0; i < kPlacements; ++i) {
    allocations += router.CountedDecide(PromptOf(i));
    if (i % 10 == 9) router.loop.AdvanceBy(std::chrono::milliseconds(60));
  }
  const auto known = std::find_if(std::begin(kRatchets), std::end(kRatchets), [](const Ratchet& each) {
    return each.compiler == __VERSION__ && each.library == __GLIBCXX__;
  });
  if (known == std::end(kRatchets)) {
    WARN("skipped: no count for compiler " << __VERSION__ << " with library " << __GLIBCXX__ << "; it is "
                                           << allocations << " in " << kPlacements << " placements");
    return;
  }
  INFO("fewer: write the new count down; more: every placement of a router pays it");
  REQUIRE(allocations == known->allocations);
}

}  // namespace
}  // namespace prefixmesh
