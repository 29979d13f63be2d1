// Goal: the router core keeps account of requests, workers and registers whatever becomes of a request. Method: the
// whole core on a clock moved by hand, with workers that reply as the test says.
#include "impl/router/router_core.h"

#include <catch2/catch.hpp>

#include "tests/support/manual_router.h"

namespace prefixmesh {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::ManualRouter;

const std::string kPrompt(4096, 'p');

std::vector<NodeId> BlocksOf(const ManualRouter& router, const std::string& text) {
  std::vector<NodeId> blocks;
  router.core->trees().Find("m", Kind::kText)->hasher.Hash(Slices(AsBytes(text)), blocks);
  return blocks;
}

std::vector<WorkerPrefix> HoldersOf(const ManualRouter& router, const std::string& text) {
  const auto scope = router.core->trees().Find("m", Kind::kText);
  const Slices prompt(AsBytes(text));
  std::vector<WorkerPrefix> held;
  scope->tree->Depths({Kind::kText, &prompt, BlocksOf(router, text), scope->slot}, held);
  return held;
}
std::size_t WorkersThatHold(const ManualRouter& router, const std::string& text) {
  return HoldersOf(router, text).size();
}

TEST_CASE("RouterCore: a request counts as in flight at the worker that it was placed at, until it is over") {
  ManualRouter router(3);
  const Result<RouteDecision> decision = router.Decide(kPrompt);
  REQUIRE(decision.ok());
  REQUIRE(decision->worker_name == router.core->fleet().name(decision->worker));
  REQUIRE(router.core->admission().in_flight() == 1);
  for (const WorkerIndex worker : router.core->own_workers())
    REQUIRE(router.core->fleet().own_in_flight(worker) == (worker == decision->worker ? 1 : 0));
  router.core->Finish(decision->worker, Forwarded::kServed);
  REQUIRE(router.core->admission().in_flight() == 0);
  REQUIRE(router.core->fleet().own_in_flight(decision->worker) == 0);
  REQUIRE(router.core->fleet().healthy(decision->worker));
}

TEST_CASE("RouterCore: a request that is refused is not in flight, and its prompt is nowhere in the index") {
  RouterCoreOptions options;
  options.prompt_bytes_max = kPrompt.size();
  ManualRouter router(2, std::move(options));
  REQUIRE(router.Decide(kPrompt + "x").error().code == ErrorCode::kTooBig);
  REQUIRE(router.Decide(kPrompt, "another").error().code == ErrorCode::kNotFound);
  for (test::ManualWorkers::Worker& worker : router.workers.workers) worker.incarnation.reset();
  router.loop.AdvanceBy(seconds(4));
  REQUIRE(router.core->fleet().healthy_count() == 0);
  REQUIRE(router.Decide(kPrompt).error().code == ErrorCode::kUnavailable);
  REQUIRE(router.core->admission().in_flight() == 0);
  REQUIRE(WorkersThatHold(router, kPrompt) == 0);
}

TEST_CASE("RouterCore: a worker that breaks off is unhealthy at once, and healthy with its next reply to a check") {
  ManualRouter router(2);
  const Result<RouteDecision> first = router.Decide(kPrompt);
  REQUIRE(first.ok());
  router.core->Finish(first->worker, Forwarded::kUnreached);
  REQUIRE_FALSE(router.core->fleet().healthy(first->worker));
  const Result<RouteDecision> second = router.Decide(kPrompt, "m", true);
  REQUIRE(second.ok());
  REQUIRE(second->worker != first->worker);
  REQUIRE(second->reason == DecisionReason::kFallback);
  router.core->Finish(second->worker, Forwarded::kServed);
  router.core->OnReply(first->worker, Incarnation{1});  // to another request
  REQUIRE_FALSE(router.core->fleet().healthy(first->worker));
  router.loop.AdvanceBy(seconds(1));
  REQUIRE(router.core->fleet().healthy(first->worker));
}

TEST_CASE("RouterCore: a new incarnation in a reply clears what was known of the worker; an older one is notified") {
  ManualRouter router(1);
  const WorkerIndex worker = router.core->own_workers().front();
  REQUIRE(router.Decide(kPrompt).ok());
  REQUIRE(WorkersThatHold(router, kPrompt) == 1);
  router.core->OnReply(worker, Incarnation{5});
  REQUIRE(WorkersThatHold(router, kPrompt) == 0);
  REQUIRE(router.core->fleet().incarnation(worker) == Incarnation{5});

  auto& registered = router.workers.workers[0].registered;
  registered.clear();
  router.core->OnReply(worker, Incarnation{3});
  REQUIRE(registered == std::vector<Incarnation>{Incarnation{5}});
  REQUIRE(router.core->fleet().incarnation(worker) == Incarnation{5});
}

// ---- removals

Removal Everything(Incarnation incarnation) {
  Removal removal;
  removal.everything = true;
  removal.worker_incarnation = incarnation;
  return removal;
}
Removal PrefixOf(std::vector<NodeId> blocks, std::string prompt = {}) {
  Removal removal;
  removal.model = "m";
  removal.blocks = std::move(blocks);
  removal.prompt = std::move(prompt);
  removal.worker_incarnation = Incarnation{1};
  removal.event_sequence = 9;
  return removal;
}

TEST_CASE("RouterCore: what a worker dropped is out of its index at once; two-layer cannot tell it, which is counted") {
  ManualRouter router(1);
  const WorkerIndex worker = router.core->own_workers().front();
  REQUIRE(router.Decide(kPrompt).ok());
  std::vector<NodeId> half = BlocksOf(router, kPrompt);
  half.resize(half.size() / 2);
  router.core->OnRemoval(worker, PrefixOf(half));
  REQUIRE(HoldersOf(router, kPrompt).at(0).bytes == kPrompt.size() / 2 - 256);
  REQUIRE(router.core->mesh()->Stats().removals.untold == 1);

  router.core->OnRemoval(worker, Everything(Incarnation{1}));
  REQUIRE(WorkersThatHold(router, kPrompt) == 0);
  REQUIRE(router.core->mesh()->Stats().removals.untold == 2);
  REQUIRE(router.core->stale_removals() == 0);
  REQUIRE(router.Decide(kPrompt).ok());
  REQUIRE(WorkersThatHold(router, kPrompt) == 1);
}

TEST_CASE("RouterCore: a removal of a former incarnation changes nothing and is counted, one of a new one raises it") {
  ManualRouter router(1);
  const WorkerIndex worker = router.core->own_workers().front();
  router.core->OnReply(worker, Incarnation{5});
  REQUIRE(router.Decide(kPrompt).ok());
  router.core->OnRemoval(worker, Everything(Incarnation{4}));
  router.core->OnRemoval(worker, PrefixOf(BlocksOf(router, kPrompt)));
  REQUIRE(HoldersOf(router, kPrompt).at(0).bytes == kPrompt.size());
  REQUIRE(router.core->stale_removals() == 2);
  REQUIRE(router.core->mesh()->Stats().removals.untold == 0);

  Removal later = PrefixOf({NodeId{77}});  // of something else
  later.worker_incarnation = Incarnation{6};
  router.core->OnRemoval(worker, later);
  REQUIRE(router.core->fleet().incarnation(worker) == Incarnation{6});
  REQUIRE(WorkersThatHold(router, kPrompt) == 0);

  router.core->OnRemoval(worker, Everything(Incarnation{kWorkerIncarnationMax.value + 1}));
  REQUIRE(router.core->registers().refused() == 1);
  REQUIRE(router.core->fleet().incarnation(worker) == Incarnation{6});
}

TEST_CASE(
    "RouterCore: on text trees the strategy is told with all that names what went, for each model of the worker") {
  class Told final : public SyncStrategy {
   public:
    explicit Told(std::vector<Removal>& removals) : removals_(removals) {
      traits_.tells_removals = TellsRemovals::kPrefixes;
      traits_.round_period = milliseconds(50);
    }
    const StrategyTraits& traits() const override { return traits_; }
    std::optional<Offer> Capture(const PlacementView&) const override { return std::nullopt; }
    void OnPlacement(Time, Offer, Actions&) override {}
    void OnRemoval(Time, const Removal& removal, Actions&) override { removals_.push_back(removal); }
    void OnRound(Time, Actions&) override {}
    void OnPeerTick(Time, PeerIndex, Actions&) override {}
    void OnPeerUp(Time, PeerIndex, StreamRole, Actions&) override {}
    void OnPeerDown(Time, PeerIndex, Actions&) override {}
    void OnFrame(Time, PeerIndex, Bytes, Actions&) override {}
    void OnSendResult(Time, PeerIndex, std::uint64_t, SendOutcome, Actions&) override {}
    bool Holds(std::string_view, Kind, NodeId, std::string_view) const override { return false; }
    StrategyReport Report() const override { return {}; }

   private:
    std::vector<Removal>& removals_;
    StrategyTraits traits_;
  };
  std::vector<Removal> told;
  RouterCoreOptions options;
  options.strategy = {"told", "", IndexKind::kText, false, true, {}, {}};
  options.strategy.make = [&](const StrategySettings&, const TextTreeView&) { return std::make_unique<Told>(told); };
  options.trees.kind = IndexKind::kText;
  ManualRouter router(2, std::move(options));
  router.workers.workers[1].models = {"m", "n"};
  router.loop.AdvanceBy(seconds(1));
  const WorkerIndex worker = router.core->own_workers()[1];

  const auto trees = router.core->trees().Find("m", Kind::kText);
  const Slices prompt(AsBytes(kPrompt));
  for (const WorkerIndex each : router.core->own_workers())
    trees->tree->Insert({Kind::kText, &prompt, {}, trees->slot}, each);
  router.core->OnRemoval(worker, PrefixOf({}, kPrompt.substr(0, 100)));
  REQUIRE(HoldersOf(router, kPrompt).at(0).bytes == kPrompt.size());
  REQUIRE(HoldersOf(router, kPrompt).at(1).bytes == 99);
  router.core->OnRemoval(worker, Everything(Incarnation{1}));
  REQUIRE(WorkersThatHold(router, kPrompt) == 1);
  REQUIRE(told.empty());  // on the mesh loop
  router.loop.AdvanceBy(milliseconds(50));
  REQUIRE(told.size() == 3);
  REQUIRE(told[0].model == "m");
  REQUIRE(told[0].prompt == kPrompt.substr(0, 100));
  REQUIRE(told[0].worker_name == "w1");
  REQUIRE(told[0].worker_incarnation == Incarnation{1});
  REQUIRE(told[0].event_sequence == 9);
  REQUIRE_FALSE(told[0].everything);
  REQUIRE(told[1].model == "m");
  REQUIRE(told[2].model == "n");
  REQUIRE((told[1].everything && told[2].everything));

  Removal unknown = PrefixOf({}, "prompt");
  unknown.model = "a model that nobody serves";
  router.core->OnRemoval(worker, unknown);
  router.loop.AdvanceBy(milliseconds(50));
  REQUIRE(told.size() == 3);
}

TEST_CASE("RouterCore: an invalid incarnation changes nothing and is counted, in a reply and in a health check") {
  ManualRouter router(1);
  const WorkerIndex worker = router.core->own_workers().front();
  const Incarnation invalid{kWorkerIncarnationMax.value + 1};
  router.core->OnReply(worker, invalid);
  REQUIRE(router.core->registers().refused() == 1);
  REQUIRE(router.core->fleet().incarnation(worker) == Incarnation{1});
  router.workers.workers[0].incarnation = invalid;
  router.loop.AdvanceBy(seconds(3) + milliseconds(500));
  REQUIRE(router.core->registers().refused() >= 4);
  REQUIRE(router.core->fleet().incarnation(worker) == Incarnation{1});
  REQUIRE_FALSE(router.core->fleet().healthy(worker));  // each was a miss
}

TEST_CASE("RouterCore: only a tenth of the requests may be placed again, and a second placement earns nothing") {
  ManualRouter router(1);
  int taken = 0;
  while (router.core->TakeRetry()) ++taken;  // what a start has
  REQUIRE(taken == RetryBudget::kTenthsOfStart / 10);
  for (int i = 0; i < 100; ++i) REQUIRE(router.Decide(kPrompt, "m", true).ok());
  REQUIRE_FALSE(router.core->TakeRetry());
  for (int i = 0; i < 100; ++i) REQUIRE(router.Decide(kPrompt).ok());
  for (int i = 0; i < 10; ++i) REQUIRE(router.core->TakeRetry());
  REQUIRE_FALSE(router.core->TakeRetry());
  REQUIRE(router.core->admission().retried() == static_cast<std::uint64_t>(taken) + 10);
}

TEST_CASE("RouterCore: with known block ids a prompt is placed as it is with its bytes") {
  ManualRouter by_bytes(3), by_ids(3);
  const auto scope = by_ids.core->trees().Find("m", Kind::kText);
  for (int i = 0; i < 20; ++i) {
    const std::string text = std::string(1024, 's') + std::string(2048, static_cast<char>('a' + i % 5));
    const Slices prompt(AsBytes(text));
    std::vector<NodeId> blocks;
    scope->hasher.Hash(prompt, blocks);
    const Result<RouteDecision> a = by_bytes.Decide(text);
    const Result<RouteDecision> b = by_ids.core->DecideBlocks({"m", Kind::kText, &prompt}, blocks, false);
    REQUIRE(a.ok());
    REQUIRE(b.ok());
    REQUIRE(a->worker == b->worker);
    REQUIRE(a->reason == b->reason);
    REQUIRE(a->matched_bytes == b->matched_bytes);
  }
}

TEST_CASE("TreeSet: with both indexes the budget is one, and each worker is matched where it is believed") {
  TreeSetOptions options;
  options.budget_bytes = 8u << 20;
  for (const IndexSource source : {IndexSource::kRouted, IndexSource::kEvents, IndexSource::kBoth}) {
    options.source = source;
    TreeSet trees(options);
    CHECK(trees.Size().budget_bytes == options.budget_bytes);
    CHECK((trees.held_index() != nullptr) == (source != IndexSource::kRouted));
    const auto scope = trees.Add("m", Kind::kText);
    const Slices prompt(AsBytes(kPrompt));
    std::vector<NodeId> blocks;
    scope->hasher.Hash(prompt, blocks);
    const Prompt asked{Kind::kText, &prompt, blocks, scope->slot};
    if (source != IndexSource::kRouted) {
      trees.held_index()->SetHeard(WorkerIndex{1}, true);
      (void)trees.held_index()->Store(std::nullopt, blocks, WorkerIndex{1});
    }
    trees.block_index()->Insert(asked, WorkerIndex{2});
    std::vector<WorkerPrefix> held;
    scope->tree->Depths(asked, held);
    std::vector<std::uint16_t> holders;
    for (const WorkerPrefix& each : held) holders.push_back(each.worker.value);
    CHECK(holders == (source == IndexSource::kRouted   ? std::vector<std::uint16_t>{2}
                      : source == IndexSource::kEvents ? std::vector<std::uint16_t>{1}
                                                       : std::vector<std::uint16_t>{1, 2}));
  }
}

}  // namespace
}  // namespace prefixmesh
