// Goal: what a strategy wants changed outside itself is done to the trees and the fleet, or left out where it speaks of
// something that this router does not know.
// Method: actions by hand; the answers are the trees' and the fleet's own. One race, 20,000 times.
#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

#include "impl/router/block_actions.h"
#include "impl/router/text_actions.h"

namespace prefixmesh {
namespace {

struct BlockRouter {
  bool Raise(WorkerIndex worker, Incarnation incarnation) {
    return registers.Raise(worker, incarnation) != RegisterChange::kNone;
  }

  Fleet fleet{2};
  TreeSet trees{TreeSetOptions{.hash = {}}};
  BlockIndex& index = *trees.block_index();
  WorkerRegisters registers{fleet, trees};
  std::vector<std::string> asked, suspected;
  BlockActions actions{fleet,
                       index,
                       registers,
                       {[this](WorkerIndex worker) { asked.push_back(fleet.name(worker)); },
                        [this](WorkerIndex worker) { suspected.push_back(fleet.name(worker)); }}};
};

struct TextRouter {
  TextRouter() { trees.Add("m", Kind::kText); }

  void Tell(const std::string& prompt, const std::string& worker, const std::string& model = "m") {
    actions.Apply(ApplyPrompt{model, Kind::kText, prompt, worker});
  }
  // Bytes of the prompt that the tree says the worker holds.
  std::uint64_t Held(const std::string& prompt, const std::string& worker) const {
    const Slices bytes(AsBytes(prompt));
    std::vector<WorkerPrefix> held;
    trees.Find("m", Kind::kText)->tree->Depths({Kind::kText, &bytes, {}}, held);
    for (const WorkerPrefix& prefix : held)
      if (fleet.name(prefix.worker) == worker) return prefix.bytes;
    return 0;
  }

  Fleet fleet{2};
  TreeSet trees{{.kind = IndexKind::kText, .hash = {}}};
  TextActions actions{fleet, trees};
};

TEST_CASE("BlockActions: ids of a peer are held until exactly what said so is taken back") {
  BlockRouter router;
  const std::vector<NodeId> ids{NodeId{11}, NodeId{12}};
  router.actions.Apply(ApplyIds{"m", Kind::kText, "w", Incarnation{1}, 1, 7, ids});
  const WorkerIndex worker = *router.fleet.Find("w");
  REQUIRE(router.index.Holds(ids[0], worker));
  router.actions.Apply(RetractIds{"m", Kind::kText, "w", 1, 6, ids});
  router.actions.Apply(RetractIds{"m", Kind::kText, "nobody", 1, 7, ids});
  REQUIRE(router.index.Holds(ids[0], worker));
  router.actions.Apply(RetractIds{"m", Kind::kText, "w", 1, 7, {ids[0]}});
  REQUIRE_FALSE(router.index.Holds(ids[0], worker));
  router.actions.Apply(RetractBelow{1, 7});
  REQUIRE(router.index.Holds(ids[1], worker));
  router.actions.Apply(RetractBelow{1, 8});
  REQUIRE_FALSE(router.index.Holds(ids[1], worker));
  REQUIRE_FALSE(router.fleet.Find("nobody").has_value());
}

TEST_CASE("BlockActions: a peer's loads replace what it said before, and go with it") {
  BlockRouter router;
  router.actions.Apply(ApplyLoad{PeerIndex{0}, "w", 5});
  router.actions.Apply(ApplyLoad{PeerIndex{1}, "w", 2});
  router.actions.Apply(ApplyLoad{PeerIndex{0}, "w", 3});
  const WorkerIndex worker = *router.fleet.Find("w");
  REQUIRE(router.fleet.load(worker) == 5);
  router.actions.Apply(ForgetLoads{PeerIndex{0}});
  REQUIRE(router.fleet.load(worker) == 2);
}

TEST_CASE("BlockActions: a peer that does not reach an own worker makes this router ask, and has no request there") {
  BlockRouter router;
  const WorkerIndex own = *router.fleet.InternOwn("own");
  router.fleet.SetHealthy(own, true);
  router.actions.Apply(ApplyLoad{PeerIndex{0}, "own", 5});
  router.actions.Apply(ApplyLoad{PeerIndex{0}, "other", 0, true});
  REQUIRE(router.suspected.empty());
  router.actions.Apply(ApplyLoad{PeerIndex{0}, "own", 0, true});
  REQUIRE(router.suspected == std::vector<std::string>{"own"});
  REQUIRE(router.asked.empty());
  REQUIRE(router.fleet.load(own) == 0);
  REQUIRE(router.fleet.healthy(own));  // that is this router's own view
  REQUIRE_FALSE(router.fleet.TakeServedPeer(own));
}

TEST_CASE("BlockActions: a peer raises the register of another's worker, and older lives' ids become invisible") {
  BlockRouter router;
  const std::vector<NodeId> ids{NodeId{11}};
  router.actions.Apply(ApplyIds{"m", Kind::kText, "w", Incarnation{1}, 1, 7, ids});
  router.actions.Apply(ApplyRegister{"w", Incarnation{2}});
  router.actions.Apply(ApplyRegister{"w", Incarnation{1}});
  REQUIRE(router.asked.empty());
  REQUIRE(router.fleet.incarnation(*router.fleet.Find("w")) == Incarnation{2});
  REQUIRE_FALSE(router.index.Holds(ids[0], *router.fleet.Find("w")));
  router.actions.Apply(ApplyIds{"m", Kind::kText, "w", Incarnation{1}, 1, 8, ids});
  REQUIRE_FALSE(router.index.Holds(ids[0], *router.fleet.Find("w")));
  router.actions.Apply(ApplyIds{"m", Kind::kText, "w", Incarnation{2}, 1, 9, ids});
  REQUIRE(router.index.Holds(ids[0], *router.fleet.Find("w")));
}

TEST_CASE("BlockActions: an own worker is asked, whatever a peer says of its register, and nothing rises") {
  BlockRouter router;
  const WorkerIndex own = *router.fleet.InternOwn("own");
  router.Raise(own, Incarnation{5});
  router.actions.Apply(ApplyRegister{"own", kWorkerIncarnationMax});
  REQUIRE(router.asked == std::vector<std::string>{"own"});
  REQUIRE(router.fleet.incarnation(own) == Incarnation{5});
  for (std::size_t i = 0; i < 2 * Fleet::kWorkersMax; ++i)  // names that nobody has
    router.actions.Apply(ApplyRegister{"invented" + std::to_string(i), Incarnation{1}});
  REQUIRE(*router.fleet.Find("own") == own);
  router.actions.Apply(ApplyIds{"m", Kind::kText, "own", Incarnation{5}, 1, 7, {NodeId{3}}});
  REQUIRE(router.index.Holds(NodeId{3}, own));
}

TEST_CASE("BlockActions: nothing of a worker's older life is left, also when it is heard to have a new one meanwhile") {
  BlockRouter router;
  const std::vector<NodeId> ids{NodeId{11}, NodeId{12}, NodeId{13}};
  const WorkerIndex worker = *router.fleet.Intern("w");
  // One thread is the mesh loop that applies what it received, the other hears from the worker itself.
  constexpr std::uint32_t kLives = 20000;
  std::atomic<std::uint32_t> begun{0}, ended{0};
  std::thread loop([&] {
    for (std::uint32_t life = 1; life <= kLives; ++life) {
      while (begun.load() < life) {
      }
      router.actions.Apply(ApplyIds{"m", Kind::kText, "w", Incarnation{life}, 9, life, ids});
      ended.store(life);
    }
  });
  std::uint32_t left = 0;
  for (std::uint32_t life = 1; life <= kLives; ++life) {
    begun.store(life);
    for (std::uint32_t spin = 0; spin < life % 64; ++spin) std::atomic_signal_fence(std::memory_order_seq_cst);
    router.Raise(worker, Incarnation{life + 1});
    while (ended.load() < life) {
    }
    for (const NodeId id : ids) left += router.index.Holds(id, worker);
  }
  loop.join();
  REQUIRE(left == 0);
}

TEST_CASE("TextActions: a prompt is held by the worker it names, where a worker serves the model") {
  TextRouter router;
  router.Tell("abcdef", "w");
  router.Tell("abcxyz", "v", "elsewhere");
  REQUIRE(router.Held("abcdef", "w") == 6);
  REQUIRE(router.Held("abcxyz", "v") == 0);
  REQUIRE(router.Held("abcxyz", "w") == 3);
  router.actions.Apply(ForgetTenant{"m", "nobody"});
  router.actions.Apply(ForgetTenant{"elsewhere", "w"});
  REQUIRE(router.Held("abcdef", "w") == 6);
  router.actions.Apply(ForgetTenant{"m", "w"});
  REQUIRE(router.Held("abcdef", "w") == 0);
}

TEST_CASE("TextActions: a snapshot that is taken from one router is the other's tree after it was merged") {
  TextRouter from, to;
  from.Tell("abcdef", "w");
  from.Tell("abcxyz", "v");
  std::vector<std::string> models;
  SnapshotTextTrees(from.trees, from.fleet, "", [&](const std::string& model, generations::TreeSnapshot snapshot) {
    models.push_back(model);
    to.actions.Apply(ApplySnapshot{model, Encode(snapshot)});
    to.actions.Apply(ApplySnapshot{"elsewhere", Encode(snapshot)});
  });
  REQUIRE(models == std::vector<std::string>{"m"});
  REQUIRE(to.Held("abcdef", "w") == 6);
  REQUIRE(to.Held("abcxyz", "v") == 6);
  SnapshotTextTrees(from.trees, from.fleet, "elsewhere", [](const std::string&, generations::TreeSnapshot) { FAIL(); });
}

}  // namespace
}  // namespace prefixmesh
