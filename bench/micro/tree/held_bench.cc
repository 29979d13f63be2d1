// held_bench.cc — what the index of KV events costs: telling it of blocks, asking it, and the bytes that it keeps.
//
// The floor of a case is one cache line per block, at a place that no cache holds, met with the same look ahead: what
// a table of blocks reads at least. Floor, held index and the announced ids of the block index take turns, chain by
// chain, each on chains that it has not seen.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "impl/base/prng.h"
#include "impl/tree/block_index.h"
#include "impl/tree/held_index.h"

namespace prefixmesh::bench {
namespace {

constexpr std::size_t kChainBlocks = 78;
constexpr std::uint16_t kTellers = 240;
constexpr std::uint64_t kBudgetBytes = 4ull << 30;

std::vector<NodeId> ChainOf(std::uint64_t number, std::size_t blocks) {
  std::vector<NodeId> ids(blocks);
  for (std::size_t i = 0; i < blocks; ++i) ids[i] = NodeId{Mix64(number << 12 | i) | 1};
  return ids;
}

// A line per id of a table too large for any cache.
class Lines {
 public:
  explicit Lines(std::uint64_t bytes) : mask_(bytes / 64 - 1), lines_(bytes / 64) {}
  std::uint64_t Touch(const std::vector<NodeId>& ids) {
    constexpr std::size_t kAhead = 16;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < std::min(kAhead, ids.size()); ++i) __builtin_prefetch(&Of(ids[i]));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (i + kAhead < ids.size()) __builtin_prefetch(&Of(ids[i + kAhead]));
      sum += ++Of(ids[i]).value;
    }
    return sum;
  }

 private:
  struct alignas(64) Line {
    std::uint64_t value = 0;
  };
  Line& Of(NodeId id) { return lines_[Mix64(id.value) & mask_]; }
  const std::uint64_t mask_;
  std::vector<Line> lines_;
};

template <typename Work>
double NanosecondsOf(Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
}

double MedianOf(std::vector<double> samples) {
  const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2);
  std::nth_element(samples.begin(), middle, samples.end());
  return *middle;
}

BlockIndexOptions AnnouncedOptions() { return {.budget_bytes = kBudgetBytes}; }
HeldIndexOptions HeldOptions() { return {.budget_bytes = kBudgetBytes}; }

// Chains of their own, told by workers in turn; then each is told again, which changes nothing.
void Store(benchmark::State& state) {
  Lines lines(256u << 20);
  HeldIndex held(HeldOptions());
  BlockIndex announced(AnnouncedOptions());
  const std::uint64_t empty = held.Size().bytes;
  std::vector<double> floor_ns, held_ns, announced_ns;
  std::uint64_t number = 0;
  for (auto _ : state) {
    const WorkerIndex worker{static_cast<std::uint16_t>(number % kTellers)};
    const auto seq = static_cast<std::uint32_t>(number / 3 + 1);
    const auto a = ChainOf(number, kChainBlocks), b = ChainOf(number + 1, kChainBlocks),
               c = ChainOf(number + 2, kChainBlocks);
    number += 3;
    floor_ns.push_back(NanosecondsOf([&] { benchmark::DoNotOptimize(lines.Touch(a)); }));
    held_ns.push_back(NanosecondsOf([&] { (void)held.Store(std::nullopt, b, worker); }));
    announced_ns.push_back(NanosecondsOf([&] { announced.ApplyIds(c, worker, 1, seq); }));
    state.SetIterationTime(held_ns.back() * 1e-9);
  }
  const double floor = MedianOf(floor_ns), ours = MedianOf(held_ns), theirs = MedianOf(announced_ns);
  state.counters["floor_ns"] = floor / kChainBlocks;
  state.counters["held_ns"] = ours / kChainBlocks;
  state.counters["announced_ns"] = theirs / kChainBlocks;
  state.counters["x_floor"] = ours / floor;
  state.counters["announced_over_held"] = theirs / ours;
  state.counters["bytes_per_block"] =
      static_cast<double>(held.Size().bytes - empty) / static_cast<double>(held.Size().nodes);
}

// 12.8 million blocks, each of one worker: the bytes.
void StoreMany(benchmark::State& state) {
  constexpr std::uint64_t kBlocks = 12'800'000;
  for (auto _ : state) {
    HeldIndex held(HeldOptions());
    const std::uint64_t empty = held.Size().bytes;
    const double ns = NanosecondsOf([&] {
      for (std::uint64_t chain = 0; chain * kChainBlocks < kBlocks; ++chain)
        (void)held.Store(std::nullopt, ChainOf(chain, kChainBlocks),
                         WorkerIndex{static_cast<std::uint16_t>(chain % kTellers)});
    });
    state.SetIterationTime(ns * 1e-9);
    state.counters["bytes_per_block"] =
        static_cast<double>(held.Size().bytes - empty) / static_cast<double>(held.Size().nodes);
    state.counters["held_ns"] = ns / kBlocks;
  }
}

// 50,000 blocks at 256 workers, told in a shuffled order of chains and workers.
void StoreShared(benchmark::State& state) {
  constexpr std::uint64_t kBlocks = 50'000, kChains = kBlocks / kChainBlocks;
  constexpr std::uint16_t kHolding = 256;
  std::vector<std::pair<std::uint64_t, std::uint16_t>> order;
  for (std::uint64_t chain = 0; chain < kChains; ++chain)
    for (std::uint16_t worker = 0; worker < kHolding; ++worker) order.emplace_back(chain, worker);
  Prng prng(1);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[prng.Below(i)]);
  for (auto _ : state) {
    HeldIndex held(HeldOptions());
    const std::uint64_t empty = held.Size().bytes;
    std::uint64_t most = 0;
    const double ns = NanosecondsOf([&] {
      for (std::size_t i = 0; i < order.size(); ++i) {
        (void)held.Store(std::nullopt, ChainOf(order[i].first, kChainBlocks), WorkerIndex{order[i].second});
        if (i % 1000 == 0) most = std::max(most, held.Size().bytes);
      }
    });
    state.SetIterationTime(ns * 1e-9);
    const auto pairs = static_cast<double>(kChains * kChainBlocks * kHolding);
    state.counters["bytes_per_holder_block"] = static_cast<double>(held.Size().bytes - empty) / pairs;
    state.counters["bytes_meanwhile_mib"] = static_cast<double>(most) / (1 << 20);
    state.counters["held_ns"] = ns / pairs;
  }
}

// Prompts of 312 blocks of which the first 250 are one of 50 templates that `holders` workers have, and the rest is one
// worker's; a million other blocks beside them.
void Match(benchmark::State& state) {
  constexpr std::size_t kBlocks = 312, kTemplateBlocks = 250, kTemplates = 50, kPrompts = 2000;
  const auto holders = static_cast<std::uint16_t>(state.range(0));
  Lines lines(256u << 20);
  HeldIndex held(HeldOptions());
  for (std::uint64_t chain = 0; chain < 13'000; ++chain)
    (void)held.Store(std::nullopt, ChainOf(1'000'000 + chain, kChainBlocks),
                     WorkerIndex{static_cast<std::uint16_t>(chain % kTellers)});
  std::vector<std::vector<NodeId>> prompts;
  for (std::uint64_t i = 0; i < kPrompts; ++i) {
    std::vector<NodeId> prompt = ChainOf(2'000'000 + i % kTemplates, kTemplateBlocks);
    const std::vector<NodeId> tail = ChainOf(3'000'000 + i, kBlocks - kTemplateBlocks);
    prompt.insert(prompt.end(), tail.begin(), tail.end());
    prompts.push_back(std::move(prompt));
  }
  for (std::uint64_t i = 0; i < kTemplates; ++i)
    for (std::uint16_t worker = 0; worker < holders; ++worker)
      (void)held.Store(std::nullopt, ChainOf(2'000'000 + i, kTemplateBlocks), WorkerIndex{worker});
  for (std::uint64_t i = 0; i < kPrompts; ++i)
    (void)held.Store(std::nullopt, prompts[i], WorkerIndex{static_cast<std::uint16_t>(i % holders)});
  std::vector<double> floor_ns, match_ns;
  std::uint64_t at = 0, sum = 0;
  for (auto _ : state) {
    const auto& a = prompts[at % kPrompts];
    const auto& b = prompts[(at + kPrompts / 2) % kPrompts];
    ++at;
    floor_ns.push_back(NanosecondsOf([&] { benchmark::DoNotOptimize(lines.Touch(a)); }));
    match_ns.push_back(NanosecondsOf([&] {
      const Prompt prompt{Kind::kText, nullptr, b};
      (void)held.MatchAndInsert(prompt, [&](const TreeMatch& match) {
        sum += match.matched_bytes + match.holders.size();
        return std::optional<WorkerIndex>();
      });
    }));
    state.SetIterationTime(match_ns.back() * 1e-9);
  }
  benchmark::DoNotOptimize(sum);
  const double floor = MedianOf(floor_ns), ours = MedianOf(match_ns);
  state.counters["floor_ns"] = floor / kBlocks;
  state.counters["match_ns"] = ours / kBlocks;
  state.counters["p50_us"] = ours / 1000;
  state.counters["x_floor"] = ours / floor;
}

// The same number of chains told by one thread and by two, each its own.
void StoreTwoThreads(benchmark::State& state) {
  constexpr std::uint64_t kChains = 500;
  HeldIndex held(HeldOptions());
  std::uint64_t number = 0;
  std::vector<double> one_ns, two_ns;
  const auto tell = [&](std::uint64_t first, std::uint16_t worker) {
    for (std::uint64_t i = 0; i < kChains; ++i)
      (void)held.Store(std::nullopt, ChainOf(first + i, kChainBlocks), WorkerIndex{worker});
  };
  for (auto _ : state) {
    one_ns.push_back(NanosecondsOf([&] { tell(number, 1); }));
    number += kChains;
    two_ns.push_back(NanosecondsOf([&] {
      std::thread other([&] { tell(number, 2); });
      tell(number + kChains, 3);
      other.join();
    }));
    number += 2 * kChains;
    state.SetIterationTime(two_ns.back() * 1e-9);
  }
  state.counters["one_ns"] = MedianOf(one_ns) / (kChains * kChainBlocks);
  state.counters["two_ns"] = MedianOf(two_ns) / (2 * kChains * kChainBlocks);
  state.counters["scaling"] = 2 * MedianOf(one_ns) / MedianOf(two_ns);
}

// What a request pays when a worker is cleared that holds so many blocks: one step, whatever it holds.
void Clear(benchmark::State& state) {
  HeldIndex held(HeldOptions());
  const auto blocks = static_cast<std::uint64_t>(state.range(0));
  std::vector<double> clear_ns, turn_ns;
  for (auto _ : state) {
    for (std::uint64_t chain = 0; chain * kChainBlocks < blocks; ++chain)
      (void)held.Store(std::nullopt, ChainOf(chain, kChainBlocks), WorkerIndex{1});
    clear_ns.push_back(NanosecondsOf([&] { held.Clear(WorkerIndex{1}); }));
    bool more = true;
    while (more) turn_ns.push_back(NanosecondsOf([&] { more = held.Sweep(); }));
    state.SetIterationTime(clear_ns.back() * 1e-9);
  }
  std::sort(turn_ns.begin(), turn_ns.end());
  state.counters["clear_us"] = MedianOf(clear_ns) / 1000;
  state.counters["turn_p50_us"] = turn_ns[turn_ns.size() / 2] / 1000;
  state.counters["turn_p99_us"] = turn_ns[turn_ns.size() * 99 / 100] / 1000;
}

BENCHMARK(Store)->Name("held/store")->Iterations(20'000)->UseManualTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(StoreMany)->Name("held/store_12.8M")->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(StoreShared)->Name("held/store_shared")->Iterations(1)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(StoreTwoThreads)->Name("held/two_threads")->Iterations(20)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(Match)
    ->Name("held/match")
    ->Arg(1)
    ->Arg(20)
    ->Arg(256)
    ->Iterations(4000)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(Clear)
    ->Name("held/clear")
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->Iterations(3)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace prefixmesh::bench
