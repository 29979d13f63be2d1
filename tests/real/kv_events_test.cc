// Goal: over real gRPC a router's index is what its workers hold: after requests, a cleared cache, a worker that begins
// anew, a stream that was away; and a worker that names blocks otherwise is not believed.
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/real/running_router.h"

namespace prefixmesh {
namespace {

using test::Eventually;
using test::RunningRouter;
using test::StartPool;
using test::Text;

constexpr std::size_t kBlockBytes = 256;

load::WorkerPoolOptions PoolOptions(std::vector<std::uint16_t> ports) {
  load::WorkerPoolOptions pool = test::UsualPool(std::move(ports));
  pool.service.cache_blocks = 64;
  pool.events_kept = 16;
  return pool;
}

RouterOptions Listening(const std::vector<load::WorkerAddress>& workers) {
  RouterOptions options = test::UsualOptions("a", test::FreePort(), {}, workers);
  options.settings.index.source = "events";
  return options;
}

void ClearCache(const std::string& address) {
  const auto stub = v1::Worker::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  v1::Empty reply;
  REQUIRE(stub->ClearCache(&context, {}, &reply).ok());
}

std::uint32_t DepthAt(RunningRouter& router, const std::string& prompt, const std::string& worker) {
  const v1::ProbeReply reply = router.Probe(prompt, worker);
  return reply.workers().empty() ? 0 : reply.workers(0).depth_blocks();
}

std::uint64_t Streams(RunningRouter& router) { return router.Count(RouterFigure("kv_events.streams")); }

TEST_CASE("a router believes what its workers say: stored, evicted and cleared") {
  const RealClock clock;
  const auto pool = StartPool(clock, PoolOptions({0}));
  RunningRouter router(Listening(pool->addresses()));
  REQUIRE(Eventually([&] { return Streams(router) == 1; }));
  const std::string first = Text(40 * kBlockBytes, 1), second = Text(40 * kBlockBytes, 2);
  REQUIRE(router.Generate(first).finished);
  CHECK(Eventually([&] { return DepthAt(router, first, "w0") == 40; }));
  REQUIRE(router.Generate(first).first.cached_bytes() == 40 * kBlockBytes);
  REQUIRE(router.Generate(second).finished);  // the cache has room for 64 blocks
  CHECK(Eventually([&] { return DepthAt(router, first, "w0") == 24; }));
  CHECK(DepthAt(router, second, "w0") == 40);
  ClearCache(pool->addresses()[0].address);
  CHECK(Eventually([&] { return DepthAt(router, second, "w0") == 0; }));
  CHECK(router.Count(RouterFigure("kv_events.changes.*"), "cleared") >= 1);
  REQUIRE(router.Generate(second).finished);
  CHECK(Eventually([&] { return DepthAt(router, second, "w0") == 40; }));
  CHECK(router.Count(RouterFigure("kv_events.troubles.*"), "orphan") == 0);
}

TEST_CASE("a router that begins late is told all that there is, and more than the kept events") {
  const RealClock clock;
  load::WorkerPoolOptions options = PoolOptions({0});
  options.service.cache_blocks = 4096;
  const auto pool = StartPool(clock, options);
  std::vector<std::string> prompts;
  {
    RunningRouter early(Listening(pool->addresses()));
    for (std::uint64_t i = 0; i < 60; ++i) prompts.push_back(Text(10 * kBlockBytes, i));
    for (const std::string& prompt : prompts) REQUIRE(early.Generate(prompt).finished);
  }
  RunningRouter late(Listening(pool->addresses()));
  CHECK(Eventually([&] { return DepthAt(late, prompts.back(), "w0") == 10; }));
  for (const std::string& prompt : prompts) CHECK(DepthAt(late, prompt, "w0") == 10);
  CHECK(late.Count(RouterFigure("kv_events.replayed")) >= 60);
}

TEST_CASE("a worker that begins anew is believed to hold nothing, and then what it says") {
  const RealClock clock;
  auto pool = StartPool(clock, PoolOptions({0, 0}));
  const std::string address = pool->addresses()[0].address;
  const auto port = static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)));
  RunningRouter router(Listening({pool->addresses()[0]}));
  REQUIRE(Eventually([&] { return Streams(router) == 1; }));
  const std::string prompt = Text(20 * kBlockBytes, 1);
  REQUIRE(router.Generate(prompt).finished);
  REQUIRE(Eventually([&] { return DepthAt(router, prompt, "w0") == 20; }));
  pool.reset();
  REQUIRE(Eventually([&] { return Streams(router) == 0; }));
  pool = StartPool(clock, PoolOptions({port}));
  REQUIRE(Eventually([&] { return Streams(router) == 1; }));
  CHECK(Eventually([&] { return DepthAt(router, prompt, "w0") == 0; }));
  REQUIRE(Eventually([&] { return router.Generate(prompt).finished; }));
  CHECK(Eventually([&] { return DepthAt(router, prompt, "w0") == 20; }));
}

TEST_CASE("a worker that restarts breaks what it was asked, and is believed again from its first word on") {
  const RealClock clock;
  load::WorkerPoolOptions options = PoolOptions({0, 0});
  options.service.decode = std::chrono::milliseconds(300);
  const auto pool = StartPool(clock, options);
  const std::string address = pool->addresses()[0].address;
  const std::uint64_t incarnation = pool->Incarnation(0);
  RunningRouter router(Listening({pool->addresses()[0]}));
  REQUIRE(Eventually([&] { return Streams(router) == 1; }));
  const std::string prompt = Text(20 * kBlockBytes, 1);
  REQUIRE(router.Generate(prompt).finished);
  REQUIRE(Eventually([&] { return DepthAt(router, prompt, "w0") == 20; }));

  bool finished = true;
  std::thread asking([&] { finished = router.Generate(prompt).finished; });
  REQUIRE(Eventually([&] { return pool->Figures(0).running == 1; }));
  const auto stub = v1::Worker::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  const auto restart = [&](std::uint32_t down_ms) {
    grpc::ClientContext context;
    v1::RestartRequest request;
    request.set_down_ms(down_ms);
    v1::Empty reply;
    return stub->Restart(&context, request, &reply);
  };
  CHECK(restart(60'001).error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  REQUIRE(restart(200).ok());
  asking.join();
  CHECK_FALSE(finished);
  CHECK(Eventually([&] { return Streams(router) == 0; }));
  CHECK(Eventually([&] { return Streams(router) == 1; }));
  CHECK(pool->Incarnation(0) > incarnation);
  CHECK(Eventually([&] { return DepthAt(router, prompt, "w0") == 0; }));
  REQUIRE(Eventually([&] { return router.Generate(prompt).finished; }));
  CHECK(Eventually([&] { return DepthAt(router, prompt, "w0") == 20; }));
  CHECK(pool->Figures(1).requests == 0);
  REQUIRE(Eventually([&] { return restart(60'000).ok(); }));  // it is down when the pool goes, which does not wait
}

TEST_CASE("with both, a worker that tells events is believed, and of one that tells none what it was sent") {
  const RealClock clock;
  load::WorkerPoolOptions telling = PoolOptions({0}), silent = PoolOptions({0});
  silent.events_kept = 0;
  silent.name_prefix = "s";
  const auto tells = StartPool(clock, telling), says_nothing = StartPool(clock, silent);
  std::vector<load::WorkerAddress> workers = tells->addresses();
  workers.push_back(says_nothing->addresses()[0]);
  RouterOptions options = Listening(workers);
  options.settings.index.source = "both";
  options.settings.route.policy = "round-robin";
  RunningRouter router(options);
  REQUIRE(Eventually([&] { return Streams(router) == 1; }));
  // Each prompt to both workers, whose caches have room for 64 blocks.
  const std::string first = Text(40 * kBlockBytes, 1), second = Text(40 * kBlockBytes, 2);
  for (const std::string* prompt : {&first, &first, &second, &second}) REQUIRE(router.Generate(*prompt).finished);
  REQUIRE(tells->Figures(0).requests == 2);
  CHECK(Eventually([&] { return DepthAt(router, first, "w0") == 24; }));
  CHECK(DepthAt(router, first, "s0") == 40);
  CHECK(DepthAt(router, second, "w0") == 40);
  CHECK(DepthAt(router, second, "s0") == 40);
  ClearCache(tells->addresses()[0].address);
  ClearCache(says_nothing->addresses()[0].address);
  CHECK(Eventually([&] { return DepthAt(router, second, "w0") == 0; }));
  CHECK(DepthAt(router, second, "s0") == 40);
}

TEST_CASE("a worker that names blocks otherwise, or keeps no events, is not believed, and requests go on") {
  const RealClock clock;
  load::WorkerPoolOptions other = PoolOptions({0});
  other.blocks.seed = 77;
  load::WorkerPoolOptions silent = PoolOptions({0});
  silent.events_kept = 0;
  for (const load::WorkerPoolOptions& options : {other, silent}) {
    const auto pool = StartPool(clock, options);
    RunningRouter router(Listening(pool->addresses()));
    const std::string prompt = Text(20 * kBlockBytes, 1);
    const Time refused = clock.Now() + std::chrono::milliseconds(600);  // it has tried twice
    while (clock.Now() < refused) REQUIRE(router.Generate(prompt).finished);
    CHECK(Streams(router) == 0);
    CHECK(router.Count(RouterFigure("kv_events.heard")) == 0);
  }
}

// A worker that says what it was told to say, to whoever listens or asks.
class HostileWorker final : public v1::Worker::Service {
 public:
  HostileWorker() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    address = "127.0.0.1:" + std::to_string(port);
  }
  ~HostileWorker() override { server_->Shutdown(std::chrono::system_clock::now()); }

  grpc::Status Hello(grpc::ServerContext*, const v1::HelloRequest*, v1::HelloReply* reply) override {
    reply->set_worker("w0");
    reply->set_incarnation(1);
    reply->add_models("m");
    return grpc::Status::OK;
  }
  grpc::Status KvEvents(grpc::ServerContext* context, const v1::KvSubscribe*,
                        grpc::ServerWriter<v1::KvLive>* out) override {
    ++listened;
    for (const v1::KvLive& message : live)
      if (!out->Write(message)) return grpc::Status::OK;
    while (!context->IsCancelled() && stay) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return {grpc::StatusCode::INTERNAL, "evil\nline"};
  }
  grpc::Status KvQuery(grpc::ServerContext*, const v1::KvQueryRequest*,
                       grpc::ServerWriter<v1::KvAnswer>* out) override {
    ++asked;
    for (const v1::KvAnswer& part : answer)
      if (!out->Write(part)) break;
    return grpc::Status::OK;
  }

  std::vector<v1::KvLive> live;
  std::vector<v1::KvAnswer> answer;
  bool stay = true;
  std::atomic<int> listened{0}, asked{0};
  std::string address;

 private:
  std::unique_ptr<grpc::Server> server_;
};

v1::KvLive Opening(std::uint64_t generation = 1, std::uint32_t rank = 0, std::uint64_t newest = 0) {
  v1::KvLive message;
  message.set_generation(generation);
  message.set_rank(rank);
  message.set_newest(newest);
  return message;
}
v1::KvAnswer EmptyDump() {
  v1::KvAnswer part;
  part.set_kind(v1::KV_ANSWER_TREE_DUMP);
  part.set_generation(1);
  part.set_empty(true);
  part.set_whole(true);
  return part;
}

TEST_CASE("a worker that says what no worker says is parted from, and asked again later") {
  const auto parted = [](std::vector<v1::KvLive> live) {
    HostileWorker worker;
    worker.live = std::move(live);
    worker.answer = {EmptyDump()};
    RunningRouter router(Listening({{"w0", worker.address}}));
    return Eventually([&] { return worker.listened >= 2; }) && Streams(router) == 0;
  };
  CHECK(parted({Opening(0)}));
  CHECK(parted({Opening(1, 7)}));
  v1::KvLive other_rank = Opening(1, 3);
  other_rank.add_events()->mutable_cleared();
  CHECK(parted({Opening(), other_rank}));
  v1::KvLive nothing = Opening();
  nothing.add_events()->set_id(1);
  CHECK(parted({Opening(), nothing}));
  v1::KvLive loop = Opening();
  loop.add_events()->mutable_stored()->set_parent(4);
  loop.mutable_events(0)->mutable_stored()->add_blocks(4);
  CHECK(parted({Opening(), loop}));
}

TEST_CASE("answers that are none are none: cut, endless, of another rank or kind") {
  const auto asked_again = [](std::vector<v1::KvAnswer> answer) {
    HostileWorker worker;
    worker.live = {Opening(1, 0, UINT64_MAX)};
    worker.answer = std::move(answer);
    RunningRouter router(Listening({{"w0", worker.address}}));
    const bool again = Eventually([&] { return worker.asked >= 3; });
    return again && router.Count(RouterFigure("kv_events.changes.*"), "stored") == 0;
  };
  CHECK(asked_again({}));
  v1::KvAnswer cut = EmptyDump();
  cut.set_whole(false);
  CHECK(asked_again({cut}));
  v1::KvAnswer other = EmptyDump();
  other.set_rank(9);
  CHECK(asked_again({other}));
  v1::KvAnswer cleared = EmptyDump();
  cleared.add_events()->mutable_cleared();
  CHECK(asked_again({cleared}));
  v1::KvAnswer unknown = EmptyDump();
  unknown.set_kind(static_cast<v1::KvAnswerKind>(77));
  CHECK(asked_again({unknown}));
  v1::KvAnswer many = EmptyDump();
  many.set_whole(false);
  for (std::uint64_t i = 1; i <= 10'000; ++i) many.add_events()->mutable_stored()->add_blocks(i);
  CHECK(asked_again(std::vector<v1::KvAnswer>(100, many)));  // 80 MB of events
}

TEST_CASE("routers that end while events come leave nothing behind") {
  const RealClock clock;
  const auto pool = StartPool(clock, PoolOptions({0, 0, 0}));
  for (int i = 0; i < 10; ++i) {
    RunningRouter router(Listening(pool->addresses()));
    CHECK(Eventually([&] { return Streams(router) == 3; }));
    for (std::uint64_t k = 0; k < 5; ++k)
      (void)router.Generate(Text(30 * kBlockBytes, 10 * static_cast<std::uint64_t>(i) + k));
  }
}

}  // namespace
}  // namespace prefixmesh
