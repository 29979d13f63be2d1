// Goal: the choice follows the table in cache_aware.h for every state of match, loads and health.
// Method: a slow, literal reading of the table is the oracle.
#include "impl/route/cache_aware.h"

#include <algorithm>
#include <map>

#include "tests/impl/route/fleet_of.h"
#include "tests/support/properties.h"

namespace prefixmesh {
namespace {

using test::FleetOf;
using test::WorkerRow;

Choice Choose(const FleetOf& of, const TreeMatch& match, std::uint64_t chance, const PolicyOptions& options = {}) {
  return ChooseCacheAware(options, match, {of.candidates(), of.fleet(), chance});
}

TEST_CASE("Cache-aware: follows its table") {
  test::ForAll("any state", [](std::uint64_t chance) {
    const auto workers = *rc::gen::inRange<std::uint16_t>(1, 6);
    std::vector<WorkerRow> rows;
    std::vector<WorkerIndex> holders;
    for (std::uint16_t i = 0; i < workers; ++i) {
      WorkerRow row;
      row.healthy = *rc::gen::weightedElement<bool>({{3, true}, {1, false}});
      row.load = *rc::gen::weightedOneOf<std::uint32_t>(
          {{4, rc::gen::inRange<std::uint32_t>(0, 5)}, {1, rc::gen::inRange<std::uint32_t>(60, 200)}});
      rows.push_back(row);
      if (*rc::gen::arbitrary<bool>()) holders.push_back(WorkerIndex{i});
    }
    const FleetOf of(rows);
    TreeMatch match;
    match.prompt_bytes = 1000;
    match.matched_bytes = holders.empty() ? 0 : *rc::gen::inRange<std::uint64_t>(0, 1001);
    match.holders = holders;
    const bool by_chance = *rc::gen::arbitrary<bool>();
    const Choice choice = Choose(of, match, chance, {.ties = by_chance ? "chance" : "index"});

    std::vector<std::uint32_t> healthy_loads;
    for (const WorkerRow& row : rows)
      if (row.healthy) healthy_loads.push_back(row.load);
    if (healthy_loads.empty()) {
      RC_ASSERT(!choice.worker.has_value());
      return;
    }
    RC_ASSERT(choice.worker.has_value());
    RC_ASSERT(rows[choice.worker->value].healthy);
    const auto [low, high] = std::minmax_element(healthy_loads.begin(), healthy_loads.end());
    const bool unbalanced = *high - *low > 64 && *high > 1.5 * *low;
    std::vector<WorkerIndex> healthy_holders;
    for (const WorkerIndex holder : holders)
      if (rows[holder.value].healthy) healthy_holders.push_back(holder);
    const bool matched = !holders.empty() && match.matched_bytes >= 300;
    if (unbalanced || !matched || healthy_holders.empty()) {
      RC_ASSERT(rows[choice.worker->value].load == *low);
      RC_ASSERT(choice.reason == (unbalanced ? DecisionReason::kBalance
                                  : matched  ? DecisionReason::kFallback
                                             : DecisionReason::kMinLoad));
      return;
    }
    RC_ASSERT(choice.reason == DecisionReason::kCache);
    const WorkerIndex best = *std::min_element(healthy_holders.begin(), healthy_holders.end(), [&](auto a, auto b) {
      return std::pair(rows[a.value].load, a) < std::pair(rows[b.value].load, b);
    });
    // By load, then by a rule that arrival order cannot change (X13), unless chance decides.
    RC_ASSERT(rows[choice.worker->value].load == rows[best.value].load);
    if (!by_chance) RC_ASSERT(*choice.worker == best);
  });
}

TEST_CASE("Cache-aware: at a threshold of 1 the holder of the whole prompt is chosen, of nothing nobody at 0") {
  const FleetOf of({{true, 0}, {true, 5}});
  const std::vector<WorkerIndex> holders = {WorkerIndex{1}};
  const auto reason = [&](double threshold, std::uint64_t matched) {
    return Choose(of, {matched, 1000, holders}, 0, {.cache_threshold = threshold}).reason;
  };
  REQUIRE(reason(1, 1000) == DecisionReason::kCache);
  REQUIRE(reason(1, 999) == DecisionReason::kMinLoad);
  REQUIRE(reason(0, 1) == DecisionReason::kCache);
  REQUIRE(reason(0, 0) == DecisionReason::kMinLoad);
}

TEST_CASE("Cache-aware: ties among the least loaded are broken evenly by chance, among holders where that is asked") {
  const FleetOf of({{true, 1}, {true, 0}, {true, 0}, {true, 0}});
  std::map<std::uint16_t, int> chosen, of_holders;
  for (std::uint64_t i = 0; i < 300; ++i) {
    const std::uint64_t chance = i * (UINT64_MAX / 300);
    ++chosen[Choose(of, {}, chance).worker->value];
    ++of_holders[Choose(of, {1000, 1000, of.candidates()}, chance, {.ties = "chance"}).worker->value];
  }
  REQUIRE(chosen.size() == 3);
  for (const auto& [worker, count] : chosen) REQUIRE(count == Approx(100).margin(2));
  REQUIRE(of_holders.size() == 3);
  for (const auto& [worker, count] : of_holders) REQUIRE(count == Approx(100).margin(30));
}

}  // namespace
}  // namespace prefixmesh
