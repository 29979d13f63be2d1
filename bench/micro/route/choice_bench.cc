// choice_bench.cc — what a policy costs for one request, whatever the tree costs: `choice/bounded/240` chooses among
// 240 workers. The match has 32 holders, half of all workers have a full queue, and every choice sees other loads.
//
// Policy and floor take turns in batches, so that whatever disturbs the machine disturbs both; the floor reads every
// candidate's load once, which no policy can be without. `x_floor` = p50 of the policy / p50 of the floor.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "impl/base/prng.h"
#include "impl/route/policy.h"

namespace prefixmesh::bench {
namespace {

constexpr std::size_t kBatch = 64, kHolders = 32;
constexpr std::uint32_t kSlots = 4;
constexpr std::uint64_t kPromptBytes = 80'000;

class Choices {
 public:
  explicit Choices(std::size_t workers) : fleet_(7), prng_(1) {
    for (std::size_t i = 0; i < workers; ++i) {
      const WorkerIndex worker = *fleet_.InternOwn("w" + std::to_string(i));
      candidates_.push_back(worker);
      fleet_.SetHealthy(worker, true);
      fleet_.SetTold(worker, kSlots, 0);
      for (std::uint64_t own = prng_.Below(2 * kSlots + 1); own > 0; --own) fleet_.BeginRequest(worker);
      for (std::uint64_t placed = prng_.Below(9); placed > 0; --placed) fleet_.NotePeerPlacement(worker);
    }
    for (std::size_t i = 0; i < std::min(kHolders, workers); ++i)
      holders_.push_back(candidates_[i * workers / std::min(kHolders, workers)]);
    match_.prompt_bytes = kPromptBytes;
    match_.matched_bytes = kPromptBytes / 2;
    match_.holders = holders_;
  }

  std::uint64_t Choose(Policy policy, const PolicyOptions& options) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < kBatch; ++i) {
      const Choice choice = ChooseWorker(policy, options, match_, {candidates_, fleet_, prng_.Next(), turn_++});
      sum += choice.worker->value;
    }
    return sum;
  }
  std::uint64_t ReadLoads() const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < kBatch; ++i) {
      for (const WorkerIndex worker : candidates_) sum += fleet_.load(worker);
      benchmark::DoNotOptimize(sum);
    }
    return sum;
  }
  // A request ends here and begins there.
  void Move() {
    const WorkerIndex from = candidates_[prng_.Below(candidates_.size())];
    if (fleet_.own_in_flight(from) == 0) return;
    fleet_.EndRequest(from);
    fleet_.BeginRequest(candidates_[prng_.Below(candidates_.size())]);
  }

 private:
  Fleet fleet_;
  Prng prng_;
  std::vector<WorkerIndex> candidates_, holders_;
  TreeMatch match_;
  std::uint64_t turn_ = 0;
};

// Nanoseconds of one of a batch.
template <typename Work>
double TimeOf(Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  benchmark::DoNotOptimize(work());
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() / kBatch;
}

double Median(std::vector<double> samples) {
  const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
  std::nth_element(samples.begin(), middle, samples.end());
  return *middle;
}

void Choosing(benchmark::State& state, const std::string& policy) {
  Choices choices(static_cast<std::size_t>(state.range(0)));
  PolicyOptions options;
  options.policy = policy;
  const Policy chosen = PolicyOf(policy);
  std::vector<double> policy_ns, floor_ns;
  for (auto _ : state) {
    floor_ns.push_back(TimeOf([&] { return choices.ReadLoads(); }));
    policy_ns.push_back(TimeOf([&] { return choices.Choose(chosen, options); }));
    state.SetIterationTime(policy_ns.back() * 1e-9);
    choices.Move();
  }
  const double floor = Median(floor_ns), p50 = Median(policy_ns);
  state.counters["floor_us"] = floor / 1000;
  state.counters["p50_us"] = p50 / 1000;
  state.counters["x_floor"] = p50 / floor;
}

constexpr int kIterations = 2000;
BENCHMARK_CAPTURE(Choosing, cache_aware, "cache-aware")
    ->Name("choice/cache-aware")
    ->Arg(20)
    ->Arg(240)
    ->Arg(1000)
    ->Iterations(kIterations)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(Choosing, bounded, "bounded")
    ->Name("choice/bounded")
    ->Arg(20)
    ->Arg(240)
    ->Arg(1000)
    ->Iterations(kIterations)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace prefixmesh::bench
