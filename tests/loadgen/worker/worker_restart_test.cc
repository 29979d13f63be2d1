// Goal: after a restart a worker is as a new one: what it was asked is never answered, its cache is empty and no other
// worker's regret, its events have another generation and begin at 1, and its figures go on.
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "loadgen/clock/process.h"
#include "loadgen/worker/worker_engine.h"

namespace prefixmesh::load {
namespace {

struct Sink final : ServiceSink {
  void OnPrefillEnded(std::uint32_t cached_blocks, std::uint64_t) override {
    cached = cached_blocks;
    ++prefills;
  }
  void OnFinished() override { ++finished; }
  std::atomic<std::uint32_t> cached = 0, prefills = 0, finished = 0;
};

std::shared_ptr<Sink> Serve(WorkerEngine& engine, std::size_t worker, std::vector<NodeId> chain) {
  const auto sink = std::make_shared<Sink>();
  (void)engine.Submit(worker, std::move(chain), 512, 256, sink);
  while (sink->finished == 0) std::this_thread::yield();
  return sink;
}

TEST_CASE("a worker that begins anew holds nothing, and numbers its events from 1 again") {
  const RealClock clock;
  ServiceOptions quick{.concurrency = 8, .prefill_per_block = Time(0), .decode = Time(0), .cache_blocks = 3};
  WorkerEngine engine({quick, quick}, clock, 16);
  (void)Serve(engine, 0, {NodeId{16}, NodeId{32}});
  (void)Serve(engine, 0, {NodeId{16}, NodeId{33}, NodeId{34}});  // one is evicted
  const WorkerEngine::NewEvents before = engine.EventsAfter(0, 0, 16);
  REQUIRE(before.events.size() == 3);
  REQUIRE(engine.Figures(0).cached.blocks == 3);
  REQUIRE(engine.Figures(0).evicted_blocks == 1);

  engine.Restart(0);
  CHECK(engine.Figures(0).cached == BlockSum{});
  CHECK(engine.Figures(0).requests == 2);
  CHECK(engine.Figures(0).evicted_blocks == 1);
  CHECK(engine.EventsAfter(0, 0, 16).generation != before.generation);
  CHECK(engine.EventsAfter(0, 0, 16).events.empty());
  CHECK(Serve(engine, 0, {NodeId{16}})->cached == 0);
  REQUIRE(engine.EventsAfter(0, 0, 16).events.size() == 1);
  CHECK(engine.EventsAfter(0, 0, 16).events[0].id == 1);
  CHECK(engine.EventsAfter(1, 0, 16).generation != engine.EventsAfter(0, 0, 16).generation);

  // What it had is nobody's: to prefill it elsewhere is not prefilled again. Block 16 is there.
  (void)Serve(engine, 1, {NodeId{16}, NodeId{33}});
  CHECK(engine.Figures(1).again_bytes == 256);
}

TEST_CASE("what a worker was asked before it begins anew is never answered, and others' requests are") {
  const RealClock clock;
  ServiceOptions slow{.concurrency = 1, .prefill_per_block = std::chrono::milliseconds(30), .decode = Time(0)};
  WorkerEngine engine({slow, slow}, clock);
  const auto running = std::make_shared<Sink>(), waiting = std::make_shared<Sink>(), other = std::make_shared<Sink>();
  const std::uint64_t ticket = engine.Submit(0, {NodeId{1}}, 256, 256, running);
  (void)engine.Submit(0, {NodeId{2}}, 256, 256, waiting);
  (void)engine.Submit(1, {NodeId{3}}, 256, 256, other);
  engine.Restart(0);
  CHECK(engine.Figures(0).running + engine.Figures(0).waiting == 0);
  engine.Cancel(0, ticket);  // as its caller does; it is gone already
  CHECK(Serve(engine, 0, {NodeId{4}})->prefills == 1);
  while (other->finished == 0) std::this_thread::yield();
  CHECK(running->prefills + waiting->prefills == 0);
  CHECK(running.use_count() == 1);
}

}  // namespace
}  // namespace prefixmesh::load
