#include "bench/ab/schedule.h"

#include <numeric>
#include <utility>

#include "impl/base/prng.h"

namespace prefixmesh::bench::ab {

std::vector<ScheduledRun> MakeSchedule(std::size_t pairs, std::size_t arms, std::uint64_t seed) {
  Prng prng = Prng::ForPurpose(seed, "ab-order");
  std::vector<ScheduledRun> schedule;
  std::vector<std::size_t> order(arms);
  for (std::size_t pair = 0; pair <= pairs; ++pair) {
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (std::size_t i = arms; i > 1; --i) std::swap(order[i - 1], order[prng.Below(i)]);
    for (const std::size_t arm : order) schedule.push_back({pair, arm, seed + pair});
  }
  return schedule;
}

}  // namespace prefixmesh::bench::ab
