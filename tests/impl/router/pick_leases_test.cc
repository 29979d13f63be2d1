// Goal: a lease lives until it is said to be over, or its time is over, and is over once.
// Oracle: a list of leases with their ends.
#include "impl/router/pick_leases.h"

#include <algorithm>
#include <map>

#include "impl/base/prng.h"
#include "tests/support/properties.h"

namespace prefixmesh {
namespace {

RouteDecision At(std::uint16_t worker) {
  RouteDecision decision;
  decision.worker = WorkerIndex{worker};
  return decision;
}

TEST_CASE("PickLeases: a lease of which nobody speaks ends soon, a begun one late, and a report keeps it") {
  PickLeases leases(100);
  const std::uint64_t silent = leases.Begin(Time(0), At(1)), begun = leases.Begin(Time(0), At(2));
  CHECK(silent == 100);
  CHECK(leases.Renew(Time(1), begun).ok());
  std::vector<RouteDecision> over;
  leases.Expire(PickLeases::kUnstarted - Time(1), over);
  CHECK(over.empty());
  leases.Expire(PickLeases::kUnstarted, over);
  REQUIRE(over.size() == 1);
  CHECK(over[0].worker == WorkerIndex{1});
  CHECK(leases.End(silent).error().code == ErrorCode::kNotFound);
  CHECK(leases.Renew(PickLeases::kStarted, begun).ok());
  leases.Expire(PickLeases::kStarted + Time(1), over);
  CHECK(over.size() == 1);
  CHECK(leases.End(begun)->worker == WorkerIndex{2});
  CHECK(!leases.End(begun).ok());
  CHECK(!leases.Renew(Time(0), 7).ok());
  CHECK(leases.expired() == 1);
}

TEST_CASE("PickLeases: any history") {
  test::ForAll("as a list", [](std::uint64_t seed) {
    Prng prng(seed);
    PickLeases leases(0);
    std::map<std::uint64_t, std::pair<std::uint16_t, Time>> list;
    Time now{0};
    std::size_t ended = 0, expected_ended = 0;
    for (int i = 0; i < 300; ++i) {
      now += std::chrono::milliseconds(prng.Below(4000));
      const std::uint64_t id = prng.Below(60);
      const auto at = list.find(id);
      switch (prng.Below(4)) {
        case 0: {
          const auto worker = static_cast<std::uint16_t>(prng.Below(9));
          list[leases.Begin(now, At(worker))] = {worker, now + PickLeases::kUnstarted};
          break;
        }
        case 1:
          RC_ASSERT(leases.Renew(now, id).ok() == (at != list.end()));
          if (at != list.end()) at->second.second = now + PickLeases::kStarted;
          break;
        case 2: {
          const Result<RouteDecision> end = leases.End(id);
          RC_ASSERT(end.ok() == (at != list.end()));
          if (end.ok()) RC_ASSERT(end->worker == WorkerIndex{at->second.first});
          if (at != list.end()) list.erase(at);
          break;
        }
        default: {
          std::vector<RouteDecision> over;
          leases.Expire(now, over);
          ended += over.size();
          expected_ended += std::erase_if(list, [&](const auto& each) { return each.second.second <= now; });
        }
      }
      RC_ASSERT(leases.size() == list.size());
      RC_ASSERT(ended == expected_ended);
    }
  });
}

TEST_CASE("PickLeases: no more than the bound") {
  PickLeases leases(0);
  while (!leases.full()) leases.Begin(Time(0), At(0));
  CHECK(leases.size() == PickLeases::kLeasesMax);
  std::vector<RouteDecision> over;
  leases.Expire(PickLeases::kUnstarted, over);
  CHECK(over.size() == PickLeases::kLeasesMax);
  CHECK(!leases.full());
}

}  // namespace
}  // namespace prefixmesh
