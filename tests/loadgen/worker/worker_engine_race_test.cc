// Goal: submits, cancels, readings and the timer thread from many threads at once: every sink hears its two calls in
// order, or none after a cancel that came first. For ThreadSanitizer; no gRPC in it.
#include "loadgen/worker/worker_engine.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "loadgen/clock/process.h"

namespace prefixmesh::load {
namespace {

class CountingSink final : public ServiceSink {
 public:
  explicit CountingSink(std::atomic<int>& finished) : finished_(finished) {}
  void OnPrefillEnded(std::uint32_t, std::uint64_t) override {
    if (state_.exchange(1) != 0) wrong_order = true;
  }
  void OnFinished() override {
    if (state_.exchange(2) != 1) wrong_order = true;
    ++finished_;
  }
  std::atomic<bool> wrong_order = false;

 private:
  std::atomic<int>& finished_;
  std::atomic<int> state_ = 0;
};

TEST_CASE("WorkerEngine: many threads submit, cancel and read") {
  constexpr int kThreads = 4, kRequests = 400;
  const RealClock clock;
  std::atomic<int> finished = 0, cancelled = 0;
  std::vector<std::shared_ptr<CountingSink>> sinks(kThreads * kRequests);
  {
    const ServiceOptions service{.concurrency = 8, .prefill_per_block = Time(500), .decode = Time(2000)};
    WorkerEngine engine({service, service, service}, clock);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kRequests; ++i) {
          auto& sink = sinks[static_cast<std::size_t>(t * kRequests + i)];
          sink = std::make_shared<CountingSink>(finished);
          const auto worker = static_cast<std::size_t>(i % 3);
          const std::uint64_t first = 1 + static_cast<std::uint64_t>(i % 7) * 100;
          const auto ticket = engine.Submit(worker, {NodeId{first}, NodeId{first + 1}}, 512, 256, sink);
          if (i % 5 == 0) {
            engine.Cancel(worker, ticket);
            ++cancelled;
          }
          if (i % 11 == 0) (void)engine.Figures(worker);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    while (finished + cancelled < kThreads * kRequests) std::this_thread::yield();
  }
  for (const auto& sink : sinks) REQUIRE_FALSE(sink->wrong_order);
  REQUIRE(finished >= kThreads * kRequests * 4 / 5);
}

}  // namespace
}  // namespace prefixmesh::load
