// Goal: the choice follows the table in policy.h for every state of match, loads and health.
// Method: a slow, literal reading of the table is the oracle.
#include "impl/route/policy.h"

#include <algorithm>
#include <map>
#include <set>

#include "tests/support/properties.h"

namespace prefixmesh {
namespace {

class Loads final : public LoadView {
 public:
  bool Healthy(WorkerIndex worker) const override { return healthy.at(worker.value); }
  std::uint32_t Load(WorkerIndex worker) const override { return load.at(worker.value); }
  std::vector<bool> healthy;
  std::vector<std::uint32_t> load;
};

TEST_CASE("ChooseWorker: follows its table") {
  test::ForAll("any state", [](std::uint64_t chance) {
    const auto workers = *rc::gen::inRange<std::uint16_t>(1, 6);
    Loads loads;
    std::vector<WorkerIndex> candidates, holders;
    for (std::uint16_t i = 0; i < workers; ++i) {
      loads.healthy.push_back(*rc::gen::weightedElement<bool>({{3, true}, {1, false}}));
      loads.load.push_back(*rc::gen::weightedOneOf<std::uint32_t>(
          {{4, rc::gen::inRange<std::uint32_t>(0, 5)}, {1, rc::gen::inRange<std::uint32_t>(60, 200)}}));
      candidates.push_back(WorkerIndex{i});
      if (*rc::gen::arbitrary<bool>()) holders.push_back(WorkerIndex{i});
    }
    TreeMatch match;
    match.prompt_bytes = 1000;
    match.matched_bytes = holders.empty() ? 0 : *rc::gen::inRange<std::uint64_t>(0, 1001);
    match.holders = holders;
    const PolicyOptions options;
    const Choice choice = ChooseWorker(options, match, candidates, loads, chance);

    std::vector<std::uint32_t> healthy_loads;
    for (const WorkerIndex worker : candidates)
      if (loads.Healthy(worker)) healthy_loads.push_back(loads.Load(worker));
    if (healthy_loads.empty()) {
      RC_ASSERT(!choice.worker.has_value());
      return;
    }
    RC_ASSERT(choice.worker.has_value());
    RC_ASSERT(loads.Healthy(*choice.worker));
    const auto [low, high] = std::minmax_element(healthy_loads.begin(), healthy_loads.end());
    const bool unbalanced = *high - *low > 64 && *high > 1.5 * *low;
    std::vector<WorkerIndex> healthy_holders;
    for (const WorkerIndex holder : holders)
      if (loads.Healthy(holder)) healthy_holders.push_back(holder);
    const bool matched = !holders.empty() && match.matched_bytes >= 300;
    if (unbalanced || !matched || healthy_holders.empty()) {
      RC_ASSERT(loads.Load(*choice.worker) == *low);
      RC_ASSERT(choice.reason == (unbalanced ? DecisionReason::kBalance
                                  : matched  ? DecisionReason::kFallback
                                             : DecisionReason::kMinLoad));
      return;
    }
    RC_ASSERT(choice.reason == DecisionReason::kCache);
    const WorkerIndex best = *std::min_element(healthy_holders.begin(), healthy_holders.end(), [&](auto a, auto b) {
      return std::pair(loads.Load(a), a) < std::pair(loads.Load(b), b);
    });
    RC_ASSERT(*choice.worker == best);  // by load, then by a rule that arrival order cannot change (X13)
  });
}

TEST_CASE("ChooseWorker: at a threshold of 1 the holder of the whole prompt is chosen, of nothing nobody at 0") {
  Loads loads;
  loads.healthy.assign(2, true);
  loads.load = {0, 5};
  const std::vector<WorkerIndex> candidates = {WorkerIndex{0}, WorkerIndex{1}}, holders = {WorkerIndex{1}};
  const auto reason = [&](double threshold, std::uint64_t matched) {
    return ChooseWorker({.cache_threshold = threshold}, {matched, 1000, holders}, candidates, loads, 0).reason;
  };
  REQUIRE(reason(1, 1000) == DecisionReason::kCache);
  REQUIRE(reason(1, 999) == DecisionReason::kMinLoad);
  REQUIRE(reason(0, 1) == DecisionReason::kCache);
  REQUIRE(reason(0, 0) == DecisionReason::kMinLoad);
}

TEST_CASE("ChooseWorker: ties among the least loaded are broken evenly by chance") {
  Loads loads;
  loads.healthy.assign(4, true);
  loads.load = {1, 0, 0, 0};
  const std::vector<WorkerIndex> candidates = {WorkerIndex{0}, WorkerIndex{1}, WorkerIndex{2}, WorkerIndex{3}};
  std::map<std::uint16_t, int> chosen;
  for (std::uint64_t i = 0; i < 300; ++i)
    ++chosen[ChooseWorker({}, {}, candidates, loads, i * (UINT64_MAX / 300)).worker->value];
  REQUIRE(chosen.size() == 3);
  for (const auto& [worker, count] : chosen) REQUIRE(count == Approx(100).margin(2));
}

}  // namespace
}  // namespace prefixmesh
