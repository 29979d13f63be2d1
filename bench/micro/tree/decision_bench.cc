// decision_bench.cc — start here for the micro benchmarks: what one routing decision costs, beside the floor, which is
// one cold XXH3 pass over the same bytes.
//
// In every case the floor and the subjects take turns, prompt by prompt, each on another prompt that no cache holds, so
// that whatever disturbs the machine disturbs both. `x_floor` = p50 of the subject / p50 of the floor of this very
// case. docs/benchmarks.md says how to run this and what each case means.
#include <benchmark/benchmark.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bench/micro/tree/contenders.h"
#include "bench/micro/tree/prompts.h"

#if defined(__has_feature)
#define PREFIXMESH_HAS_FEATURE(x) __has_feature(x)
#else
#define PREFIXMESH_HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || PREFIXMESH_HAS_FEATURE(address_sanitizer) || \
    PREFIXMESH_HAS_FEATURE(thread_sanitizer)
constexpr bool kCountsAllocations = false;
namespace {
thread_local std::uint64_t allocations = 0;
}
#else
// Every allocation of the process goes through here: operator new calls malloc, and so do the trees.
constexpr bool kCountsAllocations = true;
namespace {
thread_local std::uint64_t allocations = 0;
}
extern "C" void* __libc_malloc(std::size_t);
extern "C" void* malloc(std::size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
#endif

namespace prefixmesh::bench {
namespace {

struct Settings {
  std::size_t prompts = 3500;
  std::size_t prompt_bytes = 80'000;
  std::size_t rounds = 5;
};
Settings settings;

// Sets are made when the first case wants them, and only the latest is kept.
const PromptSet& Prompts(Kind kind, double shared, std::size_t templates = 50) {
  static std::unique_ptr<PromptSet> latest;
  if (latest == nullptr || latest->options().kind != kind || latest->options().shared != shared ||
      latest->options().templates != templates) {
    latest.reset();
    latest = std::make_unique<PromptSet>(
        PromptOptions{settings.prompts, settings.prompt_bytes, std::min(templates, settings.prompts), shared, kind});
  }
  return *latest;
}

using Nanoseconds = std::vector<double>;

double Percentile(Nanoseconds samples, double share) {
  const auto at = samples.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(samples.size() - 1));
  std::nth_element(samples.begin(), at, samples.end());
  return *at;
}

double Mean(const Nanoseconds& samples) {
  return std::accumulate(samples.begin(), samples.end(), 0.0) / static_cast<double>(samples.size());
}

double Now() {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void SetLabel(benchmark::State& state, std::uint64_t result) {
  char label[32];
  std::snprintf(label, sizeof label, "result=%08x", static_cast<unsigned>(result));
  state.SetLabel(label);
}

struct Named {
  std::string name;
  std::unique_ptr<Contender> contender;
};

// One iteration is one prompt for each contender; the time reported is that of the last one, the subject.
void TakeTurns(benchmark::State& state, const PromptSet& prompts, std::vector<Named> contenders) {
  contenders.insert(contenders.begin(), Named{"floor", std::make_unique<Floor>(prompts)});
  std::vector<Nanoseconds> samples(contenders.size());
  std::uint64_t result = 0, allocated = 0;
  std::size_t step = 0;
  Contender& subject = *contenders.back().contender;
  for (auto _ : state) {
    if (step % prompts.count() == 0)
      for (Named& named : contenders) named.contender->StartRound();
    for (std::size_t c = 0; c < contenders.size(); ++c) {
      // Contenders stand at equal distances from each other, so none finds what another has just read.
      const std::size_t prompt = prompts.visit(step + c * prompts.count() / contenders.size());
      const std::uint64_t allocations_before = allocations;
      const double start = Now();
      const std::uint64_t partial = contenders[c].contender->Run(prompt, 0);
      const double elapsed = Now() - start;
      const std::uint64_t allocated_here = allocations - allocations_before;
      samples[c].push_back(elapsed);
      if (c + 1 == contenders.size()) {
        state.SetIterationTime(elapsed * 1e-9);
        allocated += allocated_here;
        result = Mix64(result ^ partial);
      }
    }
    ++step;
  }
  const auto bytes_per_prompt = [&](std::size_t c) {  // what the last round added to the tree
    return static_cast<double>(contenders[c].contender->BytesAdded()) /
           static_cast<double>((step - 1) % prompts.count() + 1);
  };
  const double floor = Percentile(samples[0], 0.5);
  state.counters["floor_us"] = floor / 1000;
  for (std::size_t c = 1; c < contenders.size(); ++c) {
    const std::string prefix = contenders.size() > 2 ? contenders[c].name + "_" : "";
    const double p50 = Percentile(samples[c], 0.5);
    state.counters[prefix + "mean_us"] = Mean(samples[c]) / 1000;
    state.counters[prefix + "p50_us"] = p50 / 1000;
    state.counters[prefix + "p99_us"] = Percentile(samples[c], 0.99) / 1000;
    state.counters[prefix + "x_floor"] = p50 / floor;
    if (c > 1) {
      const std::string ratio = contenders[c].name + "_over_" + contenders[1].name;
      state.counters[ratio] = p50 / Percentile(samples[1], 0.5);
      state.counters[ratio + "_mean"] = Mean(samples[c]) / Mean(samples[1]);
    }
    if (const double bytes = bytes_per_prompt(c); bytes != 0) state.counters[prefix + "bytes_per_prompt"] = bytes;
    if (c > 1 && bytes_per_prompt(1) > 0)
      state.counters[contenders[c].name + "_bytes_over_" + contenders[1].name] =
          bytes_per_prompt(c) / bytes_per_prompt(1);
  }
  const auto steps = static_cast<double>(step);
  state.counters["bytes"] =
      benchmark::Counter(steps * static_cast<double>(prompts.options().prompt_bytes), benchmark::Counter::kIsRate);
  if (const std::size_t blocks = subject.BlocksPerPrompt(); blocks > 0)
    state.counters["blocks"] = benchmark::Counter(steps * static_cast<double>(blocks), benchmark::Counter::kIsRate);
  if (kCountsAllocations) state.counters["allocs"] = static_cast<double>(allocated) / steps;
  SetLabel(state, result);
}

// Keeps the calling thread on one of the cores it may use; with fewer than two cores, where it is.
void StayOnCore(int number) {
  cpu_set_t may;
  if (sched_getaffinity(0, sizeof(may), &may) != 0 || CPU_COUNT(&may) < 2) return;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &may) || number-- > 0) continue;
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(core, &only);
    sched_setaffinity(0, sizeof(only), &only);
    return;
  }
}

// A second thread, on a second core, that does what it is told, waiting in a spin so that it starts within a
// microsecond.
class Helper {
 public:
  Helper() {
    sched_getaffinity(0, sizeof(before_), &before_);
    thread_ = std::thread([this] {
      StayOnCore(1);
      Loop();
    });
    StayOnCore(0);
  }
  ~Helper() {
    stop_ = true;
    thread_.join();
    sched_setaffinity(0, sizeof(before_), &before_);
  }
  void Start(const std::function<void()>& work) {
    work_ = &work;
    started_.fetch_add(1, std::memory_order_release);
  }
  void Join() const {
    while (finished_.load(std::memory_order_acquire) != started_.load(std::memory_order_relaxed)) {
    }
  }

 private:
  void Loop() {
    while (!stop_) {
      if (started_.load(std::memory_order_acquire) == finished_.load(std::memory_order_relaxed)) continue;
      (*work_)();
      finished_.fetch_add(1, std::memory_order_release);
    }
  }
  cpu_set_t before_{};
  const std::function<void()>* work_ = nullptr;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> started_{0}, finished_{0};
  std::thread thread_;
};

// One iteration is six batches of fresh prompts, one thread then two, for: the floor; decisions with an index for each
// thread; decisions in one shared index. `scaling` = prompts per second on two threads / on one, over the fastest
// twentieth of the batches: half a millisecond in which nobody else wanted a core; `_p50` over the median batch.
// `floor_scaling` shares nothing but the memory bus and `apart_scaling` nothing but that and the program: where they
// are not near 2, the machine was not free, and what `scaling` lacks of them is the price of sharing. The helper spins
// through the one-thread batches too, so both see the same clock speed.
void TwoThreads(benchmark::State& state, const PromptSet& prompts, const Decision::Options& options) {
  Floor floor(prompts);
  Decision first(prompts, options), second(prompts, options), shared(prompts, options);
  struct Pair {
    const char* name;
    Contender* on_first;
    Contender* on_second;
    Nanoseconds one, two;
  } pairs[] = {{"floor_scaling", &floor, &floor, {}, {}},
               {"apart_scaling", &first, &second, {}, {}},
               {"scaling", &shared, &shared, {}, {}}};
  Helper helper;
  const std::size_t batch = std::max<std::size_t>(1, prompts.count() / 36);
  std::size_t step = 0;
  std::atomic<std::uint64_t> result{0};
  const auto run = [&](Contender& contender, std::size_t from, std::size_t thread) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < batch; ++i) sum += contender.Run(prompts.visit(from + i), thread);
    result += sum;
  };
  for (auto _ : state) {
    if (step % prompts.count() < 9 * batch)
      for (Decision* decision : {&first, &second, &shared}) decision->StartRound();
    for (Pair& pair : pairs) {
      double start = Now();
      run(*pair.on_first, step, 0);
      pair.one.push_back(Now() - start);
      step += batch;
      const std::function<void()> work = [&] { run(*pair.on_second, step + batch, 1); };
      start = Now();
      helper.Start(work);
      run(*pair.on_first, step, 0);
      helper.Join();
      pair.two.push_back(Now() - start);
      step += 2 * batch;
    }
    state.SetIterationTime(pairs[2].two.back() * 1e-9 / static_cast<double>(2 * batch));
  }
  constexpr double kFastest = 0.05;
  for (const Pair& pair : pairs) {
    state.counters[pair.name] = 2 * Percentile(pair.one, kFastest) / Percentile(pair.two, kFastest);
    state.counters[std::string(pair.name) + "_p50"] = 2 * Percentile(pair.one, 0.5) / Percentile(pair.two, 0.5);
  }
  state.counters["one_us"] = Percentile(pairs[2].one, kFastest) / static_cast<double>(batch) / 1000;
  state.counters["two_us"] = Percentile(pairs[2].two, kFastest) / static_cast<double>(2 * batch) / 1000;
  SetLabel(state, 0);  // two threads interleave as they like
}

void Register() {
  using Tree = Decision::Tree;
  const auto iterations = static_cast<benchmark::IterationCount>(settings.prompts * settings.rounds);
  const auto add = [iterations](const std::string& name, Kind kind, double shared, auto make) {
    benchmark::RegisterBenchmark(name.c_str(),
                                 [=](benchmark::State& state) {
                                   const PromptSet& prompts = Prompts(kind, shared);
                                   TakeTurns(state, prompts, make(prompts));
                                 })
        ->Iterations(iterations)
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond);
  };
  const auto only = [](std::string name, std::unique_ptr<Contender> contender) {
    std::vector<Named> list;
    list.push_back({std::move(name), std::move(contender)});
    return list;
  };
  const auto decision = [=](const Decision::Options& options) {
    return [=](const PromptSet& prompts) { return only("decision", std::make_unique<Decision>(prompts, options)); };
  };
  const auto hashing = [=](std::uint32_t tokens) {
    return [=](const PromptSet& prompts) { return only("hash", std::make_unique<BlockHashing>(prompts, tokens)); };
  };
  const auto against = [](const Decision::Options& ours, const Decision::Options& theirs, std::string peer) {
    return [=](const PromptSet& prompts) {
      std::vector<Named> list;
      list.push_back({"ours", std::make_unique<Decision>(prompts, ours)});
      list.push_back({peer, std::make_unique<Decision>(prompts, theirs)});
      return list;
    };
  };

  constexpr double kShared = 0.8;
  const auto floor = [=](const PromptSet& prompts) { return only("xxh3", std::make_unique<Floor>(prompts)); };
  add("text/xxh3", Kind::kText, kShared, floor);
  add("text/touch", Kind::kText, kShared,
      [=](const PromptSet& prompts) { return only("touch", std::make_unique<Touch>(prompts)); });
  add("text/hash", Kind::kText, kShared, hashing(16));
  add("text/index", Kind::kText, kShared, decision({.hash_in_run = false}));
  add("text/decision", Kind::kText, kShared, decision({}));
  add("text/decision_announced_100k", Kind::kText, kShared, decision({.announced = 100'000}));
  add("text/decision_full_index", Kind::kText, kShared, decision({.fill_budget = true}));
  add("text/decision_repeats", Kind::kText, kShared, decision({.warm_with_prompts = true}));
  add("text/vs_text_tree", Kind::kText, kShared, against({}, {.tree = Tree::kText}, "text_tree"));
  benchmark::RegisterBenchmark(
      "text/two_threads",
      [](benchmark::State& state) { TwoThreads(state, Prompts(Kind::kText, kShared), Decision::Options{}); })
      ->Iterations(static_cast<benchmark::IterationCount>(settings.rounds * 80))
      ->UseManualTime()
      ->Unit(benchmark::kMicrosecond);
  const Decision::Options cold{.warm_with_templates = false};
  const Decision::Options cold_text{.tree = Tree::kText, .warm_with_templates = false};
  add("unique/vs_text_tree", Kind::kText, 0.0, against(cold, cold_text, "text_tree"));
  // 60,000 of 80,000 bytes shared by 100 families, each met for the first time in the round: for the bytes per prompt.
  constexpr double kFamilyShare = 0.75;
  benchmark::RegisterBenchmark("families/vs_text_tree",
                               [=](benchmark::State& state) {
                                 const PromptSet& prompts = Prompts(Kind::kText, kFamilyShare, 100);
                                 TakeTurns(state, prompts, against(cold, cold_text, "text_tree")(prompts));
                               })
      ->Iterations(iterations)
      ->UseManualTime()
      ->Unit(benchmark::kMicrosecond);
  for (const std::uint32_t tokens : {16u, 64u}) {
    const std::string suffix = std::to_string(tokens);
    add("tokens/hash_" + suffix, Kind::kTokens, kShared, hashing(tokens));
    add("tokens/decision_" + suffix, Kind::kTokens, kShared, decision({.tokens_per_block = tokens}));
    add("tokens/vs_token_tree_" + suffix, Kind::kTokens, kShared,
        against({.tokens_per_block = tokens}, {.tree = Tree::kTokens}, "token_tree"));
  }
}

// Takes --prompts=N, --prompt_bytes=N and --rounds=N out of the command line; the rest is Google Benchmark's.
bool TakeOwnFlags(int& count, char** values) {
  const std::pair<std::string_view, std::size_t*> flags[] = {
      {"--prompts=", &settings.prompts}, {"--prompt_bytes=", &settings.prompt_bytes}, {"--rounds=", &settings.rounds}};
  int kept = 1;
  for (int i = 1; i < count; ++i) {
    const std::string_view value = values[i];
    const auto flag = std::find_if(std::begin(flags), std::end(flags),
                                   [&](const auto& candidate) { return value.starts_with(candidate.first); });
    if (flag == std::end(flags)) {
      values[kept++] = values[i];
      continue;
    }
    char* end = nullptr;
    *flag->second = std::strtoull(values[i] + flag->first.size(), &end, 10);
    if (*end != '\0' || *flag->second == 0) return false;
  }
  count = kept;
  values[kept] = nullptr;
  return settings.prompt_bytes >= 4096;
}

}  // namespace
}  // namespace prefixmesh::bench

int main(int count, char** values) {
  if (!prefixmesh::bench::TakeOwnFlags(count, values)) {
    std::fprintf(stderr,
                 "bench_micro: --prompts=, --prompt_bytes= (4096 or more) and --rounds= take a number above 0\n");
    return 2;
  }
  benchmark::Initialize(&count, values);
  if (benchmark::ReportUnrecognizedArguments(count, values)) return 2;
  prefixmesh::bench::Register();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
