// Goal: precision and recall of a router's index are those of the sets themselves: the router believes the worker that
// it listens to, and is compared with another of that name, which holds some of the same prompts.
#include "bench/run/agreement.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "impl/tree/block_hash.h"
#include "tests/real/running_router.h"

namespace prefixmesh {
namespace {

using test::Eventually;
using test::RunningRouter;
using test::Text;

constexpr std::size_t kBlocks = 300;

std::string Prompt(std::uint64_t number) { return Text(kBlocks * 256, number); }

std::set<std::uint64_t> SampleOf(std::initializer_list<std::uint64_t> prompts) {
  std::set<std::uint64_t> sample;
  const BlockHasher hasher({}, "m", Kind::kText);
  for (const std::uint64_t number : prompts) {
    const std::string prompt = Prompt(number);
    std::vector<NodeId> ids;
    hasher.Hash(Slices(AsBytes(prompt)), ids);
    for (const NodeId id : ids)
      if (BlockSum::InSample(id)) sample.insert(id.value);
  }
  return sample;
}

// A worker w0 of its own, and a router that listens to it.
struct Pair {
  Pair() {
    load::WorkerPoolOptions options = test::UsualPool({0});
    options.events_kept = 64;
    workers = test::StartPool(clock, options);
    RouterOptions router_options = test::UsualOptions("a", test::FreePort(), {}, workers->addresses());
    router_options.settings.index.source = "events";
    router = std::make_unique<RunningRouter>(router_options);
    REQUIRE(Eventually([&] { return router->Count(RouterFigure("kv_events.streams")) == 1; }));
    client = bench::RouterClient::Make(router->channel_address);
  }
  void Send(std::initializer_list<std::uint64_t> prompts) {
    for (const std::uint64_t number : prompts) {
      REQUIRE(router->Generate(Prompt(number)).finished);
      REQUIRE(Eventually([&] { return router->Probe(Prompt(number), "w0").workers(0).depth_blocks() == kBlocks; }));
    }
  }
  RealClock clock;
  std::unique_ptr<load::WorkerPool> workers;
  std::unique_ptr<RunningRouter> router;
  std::unique_ptr<bench::RouterClient> client;
};

TEST_CASE("precision and recall of an index are counted over the same blocks on both sides") {
  Pair mine, other;
  bench::Agreement with_mine, with_other;
  with_mine.Begin({{"w0", mine.workers->addresses()[0].address}});
  with_other.Begin({{"w0", other.workers->addresses()[0].address}});
  const auto nothing = with_mine.Ask({mine.client.get()});
  CHECK_FALSE(nothing[0].precision);
  CHECK_FALSE(nothing[0].recall);

  mine.Send({1, 2});
  other.Send({2, 3, 4});
  const auto believed = SampleOf({1, 2}), held = SampleOf({2, 3, 4}), both = SampleOf({2});
  REQUIRE(both.size() > 5);
  const auto same = with_mine.Ask({nullptr, mine.client.get()});
  CHECK_FALSE(same[0].recall);
  CHECK(same[1].precision == 1.0);
  CHECK(same[1].recall == 1.0);
  const auto unlike = with_other.Ask({mine.client.get()});
  const auto share = [](std::size_t part, std::size_t whole) {
    return static_cast<double>(part) / static_cast<double>(whole);
  };
  CHECK(unlike[0].precision == share(both.size(), believed.size()));
  CHECK(unlike[0].recall == share(both.size(), held.size()));

  // All of it, by count and sum.
  v1::WorkerStatus my_worker, other_worker;
  v1::HeldBlocks index;
  REQUIRE(bench::WorkerClient::Make(mine.workers->addresses()[0].address)->ReadStatus(my_worker).ok());
  REQUIRE(bench::WorkerClient::Make(other.workers->addresses()[0].address)->ReadStatus(other_worker).ok());
  REQUIRE(mine.client->ReadHeld({}, index).ok());
  REQUIRE(index.workers_size() == 1);
  CHECK(bench::IsCacheOf(index.workers(0), my_worker));
  CHECK_FALSE(bench::IsCacheOf(index.workers(0), other_worker));
  mine.Send({3});  // as many blocks as the other has, and not the same
  REQUIRE(mine.client->ReadHeld({}, index).ok());
  REQUIRE(index.workers(0).blocks() == other_worker.cached_blocks());
  CHECK_FALSE(bench::IsCacheOf(index.workers(0), other_worker));

  other.workers->Drain(Time(0));  // it answers no more
  CHECK_FALSE(with_other.Ask({mine.client.get()})[0].recall);
}

}  // namespace
}  // namespace prefixmesh
