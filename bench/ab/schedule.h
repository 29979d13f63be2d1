// schedule.h — which run comes when: blocks in which every arm runs once, in an order drawn anew for each block.
//
//   warm-up   B A        discarded
//   pair 1    A B        workload seed s + 1 for both
//   pair 2    A B        workload seed s + 2
//   pair 3    B A        …
//
// Interleaving is what makes a drifting machine fair: measuring AAAA…BBBB calls noise a difference in half of all cases
// whatever the test, randomised pairs in 5 % (the simulation in tests/bench/ab/verdict_test.cc). The order comes from
// the seed, so a schedule can be repeated.
//
// Threads: any, pure. Ownership: values. Errors: none. Bounds: kPairsMax.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace prefixmesh::bench::ab {

inline constexpr std::size_t kPairsMax = 1000;

struct ScheduledRun {
  std::size_t pair = 0;  // 0 is the warm-up
  std::size_t arm = 0;
  std::uint64_t workload_seed = 0;  // the same for all arms of a pair
};

// (pairs + 1) x arms runs, in the order in which they run.
std::vector<ScheduledRun> MakeSchedule(std::size_t pairs, std::size_t arms, std::uint64_t seed);

}  // namespace prefixmesh::bench::ab
