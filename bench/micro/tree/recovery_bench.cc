// recovery_bench.cc — a router that knows nothing of a worker's million blocks asks for all of them: how long until its
// index has them, and what decisions pay meanwhile.
//
// Source, feed, recovery and index are the router's, over real gRPC on loopback; the worker is a service here that has
// its answer ready. Both halves share the machine. A thread decides once a millisecond, meanwhile and after.
#include <benchmark/benchmark.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "impl/base/check.h"
#include "impl/base/prng.h"
#include "impl/env/real/grpc_kv_source.h"
#include "impl/env/real/real_env.h"
#include "impl/kvevents/wire/kv_message.h"
#include "impl/route/fleet.h"
#include "impl/router/kv_feed.h"
#include "impl/tree/held_index.h"
#include "impl/wire/prefixmesh.grpc.pb.h"

namespace prefixmesh::bench {
namespace {

constexpr std::size_t kPromptBlocks = 312, kPartBlocks = 1u << 14;
constexpr std::uint64_t kHashKey = 1;

std::vector<NodeId> PromptOf(std::uint64_t number) {
  std::vector<NodeId> ids(kPromptBlocks);
  for (std::size_t i = 0; i < kPromptBlocks; ++i) ids[i] = NodeId{Mix64(number << 12 | i) | 1};
  return ids;
}

// A worker that was quiet long enough to have a dump alone.
class FullWorker final : public v1::Worker::Service {
 public:
  explicit FullWorker(std::uint64_t chains) {
    for (std::uint64_t chain = 0; chain < chains; ++chain) {
      if (chain % (kPartBlocks / kPromptBlocks) == 0) parts_.emplace_back();
      kvevents::KvEvent event;
      for (const NodeId id : PromptOf(chain)) event.blocks.push_back({0, id.value});
      kvevents::WriteMessage(event, *parts_.back().add_events());
    }
    parts_.front().set_kind(v1::KV_ANSWER_TREE_DUMP);
    parts_.front().set_generation(1);
    parts_.front().set_last(chains);
    parts_.back().set_whole(true);
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
    newest_ = chains;
  }
  ~FullWorker() override { server_->Shutdown(std::chrono::system_clock::now()); }
  const std::string& address() const { return address_; }

  grpc::Status KvEvents(grpc::ServerContext* context, const v1::KvSubscribe*,
                        grpc::ServerWriter<v1::KvLive>* out) override {
    v1::KvLive opening;
    opening.set_generation(1);
    opening.set_newest(newest_);
    out->Write(opening);
    while (!context->IsCancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return grpc::Status::OK;
  }
  grpc::Status KvQuery(grpc::ServerContext*, const v1::KvQueryRequest*,
                       grpc::ServerWriter<v1::KvAnswer>* out) override {
    for (const v1::KvAnswer& part : parts_) out->Write(part);
    return grpc::Status::OK;
  }

 private:
  std::vector<v1::KvAnswer> parts_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
  std::uint64_t newest_ = 0;
};

// Decides once a millisecond; what each decision took.
class Decisions {
 public:
  explicit Decisions(HeldIndex& index) : thread_([this, &index] { Run(index); }) {}
  ~Decisions() {
    ending_ = true;
    thread_.join();
  }
  // Those since the last call: 99th percentiles of time and of CPU time.
  struct P99 {
    double wall_us = 0, cpu_us = 0;
    std::size_t decisions = 0;
  };
  P99 Take() {
    MutexLock lock(mutex_);
    const P99 p99{Percentile(wall_us_), Percentile(cpu_us_), wall_us_.size()};
    wall_us_.clear();
    cpu_us_.clear();
    return p99;
  }

 private:
  static double Percentile(std::vector<double> samples) {
    if (samples.empty()) return 0;
    const auto at = samples.begin() + static_cast<std::ptrdiff_t>(samples.size() * 99 / 100);
    std::nth_element(samples.begin(), at, samples.end());
    return *at;
  }
  void Run(HeldIndex& index) {
    Prng prng(1);
    auto next = std::chrono::steady_clock::now();
    while (!ending_) {
      const std::vector<NodeId> ids = PromptOf(prng.Below(3400));
      const Time cpu = ThreadCpuNow();
      const auto begin = std::chrono::steady_clock::now();
      (void)index.MatchAndInsert(Prompt{Kind::kText, nullptr, ids},
                                 [](const TreeMatch&) { return std::optional<WorkerIndex>(); });
      const auto end = std::chrono::steady_clock::now();
      const Time cpu_used = ThreadCpuNow() - cpu;
      {
        MutexLock lock(mutex_);
        wall_us_.push_back(std::chrono::duration<double, std::micro>(end - begin).count());
        cpu_us_.push_back(std::chrono::duration<double, std::micro>(cpu_used).count());
      }
      next += std::chrono::milliseconds(1);
      std::this_thread::sleep_until(next);
    }
  }
  Mutex mutex_;
  std::vector<double> wall_us_ PREFIXMESH_GUARDED_BY(mutex_), cpu_us_ PREFIXMESH_GUARDED_BY(mutex_);
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

void Recovery(benchmark::State& state) {
  const auto blocks = static_cast<std::uint64_t>(state.range(0));
  const std::uint64_t chains = blocks / kPromptBlocks;
  FullWorker worker(chains);
  std::vector<double> seconds;
  Decisions::P99 after, busy;
  for (auto _ : state) {
    HeldIndex index({.budget_bytes = 1ull << 30});
    Fleet fleet(0);
    const std::vector<WorkerIndex> workers{*fleet.Intern("w0")};
    RealClock clock;
    LoopThread loop;
    const auto channels = GrpcWorkerChannels::Make("bench", std::chrono::seconds(1));
    channels->Add(workers.front(), worker.address());
    const auto source = MakeGrpcKvSource("bench", kHashKey, *channels, clock, loop);
    KvFeed feed(clock, loop, fleet, &index, *source, kvevents::Contract::kV3);
    Decisions decisions(index);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    (void)decisions.Take();
    const auto begin = std::chrono::steady_clock::now();
    loop.Post([&] { feed.Start(workers); });
    while (index.SumOf(workers.front()).blocks < chains * kPromptBlocks)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    busy = decisions.Take();
    std::this_thread::sleep_for(std::chrono::seconds(1));  // on the same index
    after = decisions.Take();
    state.SetIterationTime(seconds.back());
    feed.Stop();
    loop.Stop();
  }
  std::sort(seconds.begin(), seconds.end());
  state.counters["recovery_s"] = seconds[seconds.size() / 2];
  state.counters["ns_per_block"] = 1e9 * seconds[seconds.size() / 2] / static_cast<double>(chains * kPromptBlocks);
  state.counters["decisions_meanwhile"] = static_cast<double>(busy.decisions);
  state.counters["p99_us_after"] = after.wall_us;
  state.counters["p99_us_meanwhile"] = busy.wall_us;
  state.counters["p99_cpu_us_after"] = after.cpu_us;
  state.counters["p99_cpu_us_meanwhile"] = busy.cpu_us;
}

BENCHMARK(Recovery)
    ->Name("held/recovery")
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->Iterations(3)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace prefixmesh::bench
