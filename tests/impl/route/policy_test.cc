// Goal: round-robin, which the others are compared with, is even, whoever is gone.
#include "impl/route/policy.h"

#include <map>

#include "tests/impl/route/fleet_of.h"
#include "tests/support/properties.h"

namespace prefixmesh {
namespace {

TEST_CASE("Round-robin: every healthy worker gets the same, also beside one that is gone") {
  test::ForAll("any health", [](const std::vector<bool>& health) {
    std::vector<test::WorkerRow> rows;
    std::size_t healthy = 0;
    for (const bool each : health) {
      rows.push_back({each});
      healthy += each;
    }
    const test::FleetOf of(rows);
    std::map<std::size_t, std::size_t> chosen;
    constexpr std::size_t kRounds = 5;
    for (std::uint64_t turn = 7; turn < 7 + kRounds * healthy; ++turn) {
      const Choice choice =
          ChooseWorker(Policy::kRoundRobin, {}, {1000, 1000, of.candidates()}, {of.candidates(), of.fleet(), 0, turn});
      RC_ASSERT(choice.worker.has_value());
      ++chosen[choice.worker->value];
    }
    RC_ASSERT(chosen.size() == healthy);
    for (const auto& [worker, count] : chosen) {
      RC_ASSERT(health[worker]);
      RC_ASSERT(count == kRounds);
    }
    if (healthy == 0) RC_ASSERT(!ChooseWorker(Policy::kRoundRobin, {}, {}, {of.candidates(), of.fleet()}).worker);
  });
}

}  // namespace
}  // namespace prefixmesh
