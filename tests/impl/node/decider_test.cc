// Goal: what a decision allocates is counted and cannot grow unseen: nothing for a matched request, and for a placement
// as many as are written here. Method: the decision path as the router has it, with two-layer and its mesh, on a clock
// moved by hand and one thread, so that every run counts the same.
#include "impl/node/decider.h"

#include <catch2/catch.hpp>

#include "impl/node/block_actions.h"
#include "impl/node/strategies.h"
#include "tests/support/allocations.h"
#include "tests/support/manual_env.h"

namespace prefixmesh {
namespace {

constexpr std::size_t kWorkers = 20;
constexpr char kModel[] = "model-0";

struct View final : TextTreeView {
  std::span<const WorkerLoad> Workers() const override { return {}; }
  std::uint64_t WorkersVersion() const override { return 1; }
  std::size_t PeerCount() const override { return 1; }
  std::string_view PeerName(PeerIndex) const override { return "router-b"; }
  Incarnation NewIncarnation() const override { return Incarnation{2}; }
};

struct Router {
  Router() {
    for (std::size_t i = 0; i < kWorkers; ++i) {
      const WorkerIndex worker = *fleet.InternOwn("worker-" + std::to_string(i));
      fleet.SetHealthy(worker, true);
      models.Offer(Time{0}, worker, std::vector<std::string>{kModel});
    }
    mesh.Start(transport);
  }

  // Allocations of one decision; the request ends at once.
  std::uint64_t Decide(const std::string& text) {
    const Slices prompt(AsBytes(text));
    const std::uint64_t before = test::Allocations().count;
    const Result<RouteDecision> decision =
        decider.Decide({kModel, Kind::kText, &prompt}, clock.now, prng.Next(), &mesh);
    const std::uint64_t counted = test::Allocations().count - before;
    REQUIRE(decision.ok());
    reason = static_cast<DecisionReason>(decision->reason);
    fleet.EndRequest(decision->worker);
    return counted;
  }

  Fleet fleet{1};
  TreeSet trees{TreeSetOptions{.hash = {}}};
  ModelTable models{trees, fleet};
  Decider decider{PolicyOptions{}, trees, models, fleet};
  test::ManualClock clock;
  test::ManualExecutor executor{clock};
  test::RecordingTransport transport;
  View view;
  StrategySettings settings{.router = "router-a", .incarnation = Incarnation{1}};
  std::unique_ptr<SyncStrategy> strategy = MakeStrategy("two-layer", settings, view);
  BlockActions sink{fleet, *trees.block_index(), [](WorkerIndex) {}};
  Mesh mesh{clock, executor, *strategy, sink, {"router-b"}};
  Prng prng{7};
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
constexpr Ratchet kRatchets[] = {{"12.2.0", 20220819, 2635}};
constexpr std::size_t kPlacements = 1000;

TEST_CASE("Decider: a matched request whose worker is known to hold it allocates nothing") {
  Router router;
  const std::string text = PromptOf(1);
  router.Decide(text);
  router.executor.AdvanceBy(std::chrono::milliseconds(60));  // a round takes what was offered
  router.Decide(text);
  std::uint64_t allocations = 0;
  for (int i = 0; i < 1000; ++i) {
    allocations += router.Decide(text);
    REQUIRE(router.reason == DecisionReason::kCache);
  }
  REQUIRE(allocations == 0);
}

TEST_CASE("Decider: a placement allocates as often as it is written here, for this compiler and library") {
  if (!test::kCountsAllocations) return;
  Router router;
  std::uint64_t allocations = 0;
  for (std::size_t i = 0; i < kPlacements; ++i) {
    allocations += router.Decide(PromptOf(i));
    if (i % 10 == 9) router.executor.AdvanceBy(std::chrono::milliseconds(60));
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
