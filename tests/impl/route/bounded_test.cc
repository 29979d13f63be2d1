// Goal: the choice follows the table in bounded.h for every state of levels, loads, slots and health, and is even where
// the table leaves it open. Method: a slow, literal reading of the table says who may be chosen, and why.
#include "impl/route/bounded.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "impl/base/prng.h"
#include "tests/impl/route/fleet_of.h"
#include "tests/support/allocations.h"
#include "tests/support/properties.h"

namespace prefixmesh {
namespace {

using test::FleetOf;
using test::WorkerRow;

struct Level {
  std::uint64_t matched_bytes = 0;
  std::vector<WorkerIndex> holders;
};

// A match of levels, deepest first.
class Levels final : public ShallowerMatches {
 public:
  explicit Levels(std::vector<Level> levels) : levels_(std::move(levels)) {}
  TreeMatch First(std::uint64_t prompt_bytes) {
    TreeMatch match;
    match.prompt_bytes = prompt_bytes;
    match.shallower = this;
    if (levels_.empty()) return match;
    match.matched_bytes = levels_[0].matched_bytes;
    match.holders = levels_[0].holders;
    return match;
  }
  bool Next(std::uint64_t bytes_min, TreeMatch& match) override {
    if (++at_ >= levels_.size() || levels_[at_].matched_bytes < bytes_min) return false;
    match.matched_bytes = levels_[at_].matched_bytes;
    match.holders = levels_[at_].holders;
    return true;
  }
  const std::vector<Level>& all() const { return levels_; }

 private:
  const std::vector<Level> levels_;
  std::size_t at_ = 0;
};

Choice Choose(const FleetOf& of, Levels& levels, std::uint64_t chance, const PolicyOptions& options = {}) {
  return ChooseBounded(options, levels.First(1000), {of.candidates(), of.fleet(), chance});
}

TEST_CASE("Bounded: follows its table") {
  test::ForAll("any state", [](std::uint64_t chance) {
    const auto workers = *rc::gen::inRange<std::uint16_t>(1, 8);
    std::vector<WorkerRow> rows;
    for (std::uint16_t i = 0; i < workers; ++i)
      rows.push_back({*rc::gen::weightedElement<bool>({{3, true}, {1, false}}), *rc::gen::inRange<std::uint32_t>(0, 9),
                      *rc::gen::element<std::uint32_t>(0, 1, 4, 1'000'000'000)});
    FleetOf of(rows);
    std::vector<std::uint32_t> placed;  // just now, by this router; its one peer may have got as many
    for (std::uint16_t i = 0; i < workers; ++i) {
      placed.push_back(*rc::gen::weightedElement<std::uint32_t>({{4, 0}, {1, 1}, {1, 3}}));
      for (std::uint32_t k = 0; k < placed.back(); ++k) of.fleet().NoteOwnPlacement(WorkerIndex{i});
    }
    const auto queue = [&](std::size_t worker) { return rows[worker].load + placed[worker]; };
    // Who holds a deeper level holds the shallower ones.
    std::vector<Level> made;
    std::set<WorkerIndex> holders;
    std::uint64_t bytes = *rc::gen::inRange<std::uint64_t>(0, 1001);
    for (int i = *rc::gen::inRange(0, 6); i > 0 && bytes > 0; --i) {
      holders.insert(WorkerIndex{*rc::gen::inRange<std::uint16_t>(0, workers)});
      made.push_back({bytes, {holders.begin(), holders.end()}});
      bytes = *rc::gen::inRange<std::uint64_t>(0, bytes);
    }
    Levels levels(made);
    const PolicyOptions options{.load_factor = *rc::gen::element(1.0, 1.25, 3.0)};
    const Choice choice = Choose(of, levels, chance, options);

    double healthy = 0, sum = 0, lately = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (!rows[i].healthy) continue;
      ++healthy;
      sum += queue(i);
      lately += placed[i];
    }
    if (healthy == 0) {
      RC_ASSERT(!choice.worker.has_value());
      return;
    }
    RC_ASSERT(choice.worker.has_value());
    const double bound = std::max(std::ceil(options.load_factor * sum / healthy), std::floor(sum / healthy) + 1);
    const auto admissible = [&](WorkerIndex worker) {
      const WorkerRow& row = rows[worker.value];
      const double slots = std::min<std::uint32_t>(row.slots, Fleet::kToldMax);
      return row.healthy && queue(worker.value) + 1 <= (slots > 0 ? std::max(slots, bound) : bound + 1);
    };
    const auto left_out = [&](WorkerIndex worker) {
      const double slots = std::min<std::uint32_t>(rows[worker.value].slots, Fleet::kToldMax);
      const bool half_idle = 2 * queue(worker.value) < slots;
      const double busy = std::ceil(0.75 * lately / healthy);
      return placed[worker.value] > (half_idle ? std::max({busy, lately / healthy, 1.0}) : busy);
    };
    RC_ASSERT(admissible(*choice.worker));
    for (std::size_t i = 0; i < std::min<std::size_t>(made.size(), kLevelsMax) && made[i].matched_bytes >= 300; ++i) {
      std::vector<WorkerIndex> may;
      std::copy_if(made[i].holders.begin(), made[i].holders.end(), std::back_inserter(may), [&](WorkerIndex worker) {
        return admissible(worker) && (made[i].holders.size() <= 2 || !left_out(worker));
      });
      if (may.empty()) continue;
      RC_ASSERT(choice.reason == DecisionReason::kCache);
      RC_ASSERT(std::find(may.begin(), may.end(), *choice.worker) != may.end());
      if (may.size() == 2) {
        const WorkerIndex other = may[0] == *choice.worker ? may[1] : may[0];
        const auto score = [&](WorkerIndex worker) { return 2 * placed[worker.value] + 3 * queue(worker.value); };
        RC_ASSERT(score(*choice.worker) <= score(other));
      }
      return;
    }
    const bool matched = !made.empty() && made[0].matched_bytes >= 300;
    RC_ASSERT(choice.reason == (matched ? DecisionReason::kFallback : DecisionReason::kMinLoad));
  });
}

TEST_CASE("Bounded: the deepest holder is left when it is too busy, for a shallower one, and only then for anybody") {
  const std::vector<WorkerIndex> deep = {WorkerIndex{0}}, both = {WorkerIndex{0}, WorkerIndex{1}};
  const auto choose = [&](std::uint32_t first, std::uint32_t second) {
    const FleetOf of({{true, first, 4}, {true, second, 4}, {true, 0, 4}});
    Levels levels({{900, deep}, {500, both}});
    return Choose(of, levels, 7);
  };
  REQUIRE(choose(3, 0).worker == WorkerIndex{0});  // it has a slot left
  REQUIRE(choose(6, 0).worker == WorkerIndex{1});
  REQUIRE(choose(6, 0).reason == DecisionReason::kCache);
  REQUIRE(choose(9, 9).worker == WorkerIndex{2});
  REQUIRE(choose(9, 9).reason == DecisionReason::kFallback);
}

TEST_CASE("Bounded: workers that are alike are chosen alike, one that was chosen lately less") {
  FleetOf of(std::vector<WorkerRow>(4));
  const auto shares = [&] {
    std::map<std::uint16_t, int> chosen;
    for (std::uint64_t i = 0; i < 4000; ++i) {
      Levels levels({{1000, of.candidates()}});
      ++chosen[Choose(of, levels, i * 0x9e3779b97f4a7c15u).worker->value];
    }
    return chosen;
  };
  for (const auto& [worker, count] : shares()) REQUIRE(count == Approx(1000).margin(120));
  of.fleet().NotePeerPlacement(WorkerIndex{2});
  const auto with_one_busy = shares();
  REQUIRE(with_one_busy.count(2) == 0);  // of two it is never the better
}

TEST_CASE("Bounded: of two holders the less busy is taken; a request there weighs more than one that was lately") {
  FleetOf of({{true, 1, 8}, {true, 0, 8}});
  const auto chosen = [&] {
    std::set<std::uint16_t> all;
    for (std::uint64_t i = 0; i < 100; ++i) {
      Levels levels({{1000, of.candidates()}});
      all.insert(Choose(of, levels, i * 0x9e3779b97f4a7c15u).worker->value);
    }
    return all;
  };
  CHECK(chosen() == std::set<std::uint16_t>{1});
  of.fleet().NotePeerPlacement(WorkerIndex{1});
  CHECK(chosen() == std::set<std::uint16_t>{1});
  of.fleet().NotePeerPlacement(WorkerIndex{1});
  CHECK(chosen() == std::set<std::uint16_t>{0});
}

TEST_CASE("Bounded: a prefix that many share comes to more workers when its holders were chosen more than others") {
  FleetOf of(std::vector<WorkerRow>(8));
  const std::vector<WorkerIndex> holders(of.candidates().begin(), of.candidates().begin() + 3);
  const auto choose = [&](std::span<const WorkerIndex> some) {
    Levels levels({{1000, {some.begin(), some.end()}}});
    return Choose(of, levels, 5);
  };
  REQUIRE(choose(holders).reason == DecisionReason::kCache);
  for (const WorkerIndex holder : holders)
    for (int i = 0; i < 5; ++i) of.fleet().NotePeerPlacement(holder);
  REQUIRE(choose(holders).reason == DecisionReason::kFallback);
  REQUIRE(choose(holders).worker->value >= 3);
  REQUIRE(choose(std::span(holders).first(2)).reason == DecisionReason::kCache);  // a conversation stays
}

TEST_CASE("Bounded: a holder that uses less than half its slots is left out above the mean, a busier one before") {
  FleetOf of(std::vector<WorkerRow>(8, {true, 0, 8}));
  const std::vector<WorkerIndex> holders(of.candidates().begin(), of.candidates().begin() + 3);
  const auto reason = [&] {
    Levels levels({{1000, holders}});
    return Choose(of, levels, 5).reason;
  };
  for (const WorkerIndex worker : of.candidates())
    for (int i = 0; i < 8; ++i) of.fleet().NotePeerPlacement(worker);
  CHECK(reason() == DecisionReason::kCache);
  for (const WorkerIndex holder : holders)
    for (int i = 0; i < 4; ++i) of.fleet().BeginRequest(holder);
  CHECK(reason() == DecisionReason::kFallback);
  for (const WorkerIndex holder : holders)
    for (int i = 0; i < 4; ++i) of.fleet().EndRequest(holder);
  for (const WorkerIndex holder : holders)
    for (int i = 0; i < 3; ++i) of.fleet().NotePeerPlacement(holder);
  CHECK(reason() == DecisionReason::kFallback);
}

TEST_CASE("Bounded: of a burst a router counts what its peers got of it as well") {
  Fleet fleet(15);
  std::vector<WorkerIndex> candidates;
  for (int i = 0; i < 4; ++i) {
    candidates.push_back(*fleet.InternOwn("w" + std::to_string(i)));
    fleet.SetHealthy(candidates.back(), true);
    fleet.SetTold(candidates.back(), 8, 0);
  }
  const std::vector<WorkerIndex> holder = {candidates[0]};
  const auto choose = [&] { return ChooseBounded({}, {1000, 1000, holder}, {candidates, fleet, 9}); };
  REQUIRE(choose().worker == holder[0]);
  fleet.NoteOwnPlacement(holder[0]);
  REQUIRE(choose().worker != holder[0]);
  fleet.AgeFresh();
  fleet.AgeFresh();
  REQUIRE(choose().worker == holder[0]);
}

TEST_CASE("Bounded: where requests come in bursts, a shared prefix gets what its holders have room for") {
  Fleet fleet(15);
  std::vector<WorkerIndex> candidates;
  for (int i = 0; i < 10; ++i) {
    candidates.push_back(*fleet.InternOwn("w" + std::to_string(i)));
    fleet.SetHealthy(candidates.back(), true);
    fleet.SetTold(candidates.back(), 8, 0);
  }
  // 16 routers send 4 each, and kBurstSpread.
  constexpr double kComes = 4 * 16 * 3, kDraws = 20000;
  const auto share_at_holders = [&](std::size_t holders, double burst) {
    double at_holders = 0;
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(kDraws); ++i) {
      const TreeMatch match{500, 1000, std::span(candidates).first(holders)};
      at_holders += ChooseBounded({}, match, {candidates, fleet, Mix64(i), i, burst}).reason == DecisionReason::kCache;
    }
    return at_holders / kDraws;
  };
  CHECK(share_at_holders(4, 4) == Approx(4 * 8 / kComes).epsilon(0.05));
  CHECK(share_at_holders(8, 4) == Approx(8 * 8 / kComes).epsilon(0.05));
  CHECK(share_at_holders(4, 1) == 1);
  CHECK(share_at_holders(2, 4) == 1);  // a conversation
  for (std::size_t i = 0; i < 4; ++i)
    for (int k = 0; k < 6; ++k) fleet.BeginRequest(candidates[i]);
  CHECK(share_at_holders(4, 4) == Approx(4 * 2 / kComes).epsilon(0.1));
}

TEST_CASE("Bounded: a worker that answers errors at once does not look idle") {
  FleetOf of({{true, 2}, {true, 2}, {true, 0}});
  for (int i = 0; i < 20; ++i) of.fleet().NoteFailure(WorkerIndex{2});
  for (std::uint64_t i = 0; i < 200; ++i) {
    Levels none({});
    REQUIRE(Choose(of, none, i * 0x9e3779b97f4a7c15u).worker != WorkerIndex{2});
  }
  of.fleet().AgeLately();
  of.fleet().AgeLately();
  Levels none({});
  std::set<std::uint16_t> chosen;
  for (std::uint64_t i = 0; i < 200; ++i) chosen.insert(Choose(of, none, i * 0x9e3779b97f4a7c15u).worker->value);
  REQUIRE(chosen.count(2) == 1);
}

TEST_CASE("Bounded: one worker that fails, or says that it has much, does not lift the bound of the others") {
  std::vector<WorkerRow> rows(20, {true, 4, 4});
  rows[3].load = 12;  // the only holder, and too busy
  FleetOf of(rows);
  const auto choose = [&] {
    Levels levels({{1000, {WorkerIndex{3}}}});
    return Choose(of, levels, 11);
  };
  REQUIRE(choose().reason == DecisionReason::kFallback);
  for (int i = 0; i < 400; ++i) of.fleet().NoteFailure(WorkerIndex{0});
  of.fleet().SetTold(WorkerIndex{1}, 1'000'000'000, UINT32_MAX);
  REQUIRE(choose().reason == DecisionReason::kFallback);
  REQUIRE(choose().worker->value > 1);
}

TEST_CASE("Bounded: allocates nothing, with 240 workers and four levels") {
  const FleetOf of(std::vector<WorkerRow>(240, {true, 50, 4}));
  const std::vector<WorkerIndex> all = of.candidates();
  Levels levels({{900, {all[3]}}, {800, {all[3], all[9]}}, {700, {all.begin(), all.begin() + 90}}, {400, all}});
  const PolicyOptions options;
  const std::uint64_t before = test::Allocations().count;
  const Choice choice = Choose(of, levels, 3, options);
  REQUIRE(test::Allocations().count == before);
  REQUIRE(choice.worker.has_value());
}

}  // namespace
}  // namespace prefixmesh
