// Goal: requests go to workers that are there. One that starts late, hangs or is below its register is noticed by the
// router itself, without a request that has to fail first. What others say of a worker, and what a worker says of
// itself, harms nobody for long. Method: worker processes that are started late and stopped with SIGSTOP, a hostile
// peer (attacks/hostile_peer.cc) and a hostile worker, and a router in this process.
#include <malloc.h>
#include <signal.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <future>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "bench/process/child.h"
#include "tests/real/running_router.h"

namespace prefixmesh {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Eventually;
using test::Reply;
using test::RunningRouter;
using test::Text;
using test::UsualOptions;

// A worker in a process of its own.
class WorkerProcess {
 public:
  explicit WorkerProcess(const std::string& name) {
    const char* bin = std::getenv("PREFIXMESH_BIN");
    REQUIRE(bin != nullptr);
    bench::Child::Options options;
    options.name = name;
    options.argv = {std::string(bin) + "/prefixmesh-worker", "--count=1", "--models=m",
                    "--set=workers.prefill_us_per_block=1", "--set=workers.decode_ms=2"};
    options.stderr_path = "/dev/null";
    options.on_line = [this](const std::string& line) {
      MutexLock lock(mutex_);
      line_ = line;
    };
    Result<std::unique_ptr<bench::Child>> child = bench::Child::Start(options);
    REQUIRE(child.ok());
    child_ = std::move(*child);
    REQUIRE(Eventually([&] {
      MutexLock lock(mutex_);
      return !line_.empty();
    }));
    MutexLock lock(mutex_);
    address_ = {name, nlohmann::json::parse(line_)["workers"][0]["address"]};
  }
  ~WorkerProcess() {
    Signal(SIGCONT);
    child_->Terminate(milliseconds(2000));
  }
  void Signal(int number) { kill(child_->pid(), number); }
  const load::WorkerAddress& address() const { return address_; }

 private:
  Mutex mutex_;
  std::string line_ PREFIXMESH_GUARDED_BY(mutex_);
  load::WorkerAddress address_;
  std::unique_ptr<bench::Child> child_;
};

TEST_CASE("Router: a worker that hangs loses its requests to the others, and gets requests again when it goes on") {
  WorkerProcess first("w0"), second("w1"), third("w2");
  RouterOptions options = UsualOptions("a", 0, {}, {first.address(), second.address(), third.address()});
  options.health_timeout = milliseconds(200);
  RunningRouter router(options);
  const std::string prompt = Text(20000, 1);
  const std::string holder = router.Generate(prompt).routed.worker();
  REQUIRE(router.Generate(prompt).routed.worker() == holder);
  WorkerProcess& hung = holder == "w0" ? first : holder == "w1" ? second : third;

  hung.Signal(SIGSTOP);
  REQUIRE(Eventually([&] { return router.Count(RouterFigure("workers.healthy")) == 2; }));
  const Reply moved = router.Generate(prompt);
  REQUIRE(moved.status.ok());
  REQUIRE(moved.routed.worker() != holder);
  REQUIRE(moved.routed.reason() == v1::DECISION_FALLBACK);
  for (std::uint64_t i = 0; i < 20; ++i) {
    const Reply reply = router.Generate(Text(2000, 100 + i));
    REQUIRE(reply.status.ok());
    REQUIRE(reply.routed.worker() != holder);
  }

  hung.Signal(SIGCONT);
  REQUIRE(Eventually([&] { return router.Count(RouterFigure("workers.healthy")) == 3; }));
  std::uint64_t seed = 1000;
  REQUIRE(Eventually([&] { return router.Generate(Text(2000, seed++)).routed.worker() == holder; }));
}

TEST_CASE("Router: a worker that a peer does not reach is asked at once, however seldom idle ones are") {
  WorkerProcess first("w0"), second("w1");
  const std::uint16_t of_a = test::FreePort(), of_b = test::FreePort();
  const auto options = [&](const std::string& name, std::uint16_t port, const std::string& peer, std::uint16_t peers) {
    RouterOptions made =
        UsualOptions(name, port, {{peer, "127.0.0.1:" + std::to_string(peers)}}, {first.address(), second.address()});
    made.health_timeout = milliseconds(200);
    return made;
  };
  RouterOptions asks = options("a", of_a, "b", of_b), idles = options("b", of_b, "a", of_a);
  asks.health.idle_periods = 1;
  idles.health.idle_periods = 1'000'000;
  RunningRouter a(asks), b(idles);
  REQUIRE(Eventually([&] { return a.Count(RouterFigure("sync.peers_up")) == 1; }));
  REQUIRE(b.Count(RouterFigure("workers.healthy")) == 2);
  first.Signal(SIGSTOP);
  REQUIRE(Eventually([&] { return b.Count(RouterFigure("workers.healthy")) == 1; }));
  first.Signal(SIGCONT);
  REQUIRE(Eventually([&] { return b.Count(RouterFigure("workers.healthy")) == 2; }));
}

// Is there, and refuses every request at once.
class Refuses final : public v1::Worker::Service {
 public:
  grpc::Status Hello(grpc::ServerContext*, const v1::HelloRequest*, v1::HelloReply* reply) override {
    reply->set_worker("refuses");
    reply->set_incarnation(1);
    reply->add_models("m");
    reply->set_slots(8);
    return grpc::Status::OK;
  }
  grpc::Status Generate(grpc::ServerContext*, const v1::GenerateRequest*,
                        grpc::ServerWriter<v1::GenerateReply>*) override {
    requests_.fetch_add(1);
    return {grpc::StatusCode::RESOURCE_EXHAUSTED, "full"};
  }
  int requests() const { return requests_.load(); }

 private:
  std::atomic<int> requests_{0};
};

TEST_CASE("Router: a worker that refuses every request at once does not attract them, with the bounded policy") {
  Refuses service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  load::WorkerPoolOptions pool;
  pool.ports = {0, 0, 0};
  pool.models = {"m"};
  RealClock clock;
  const auto workers = load::WorkerPool::Start(pool, clock);
  REQUIRE(workers.ok());
  std::vector<load::WorkerAddress> addresses = (*workers)->addresses();
  addresses.push_back({"refuses", "127.0.0.1:" + std::to_string(port)});
  RouterOptions options = UsualOptions("a", 0, {}, addresses);
  options.settings.route.policy = "bounded";
  {
    RunningRouter router(std::move(options));
    constexpr int kRequests = 80;
    for (std::uint64_t i = 0; i < kRequests; ++i) (void)router.Generate(Text(2000, i));
    REQUIRE(service.requests() <= kRequests / 6);  // less than its share
  }
  server->Shutdown();
}

TEST_CASE("Router: one that starts before its workers waits for them") {
  load::WorkerPoolOptions pool;
  pool.ports = {test::FreePort(), test::FreePort()};
  pool.models = {"m"};
  std::vector<load::WorkerAddress> addresses;
  for (std::size_t i = 0; i < pool.ports.size(); ++i)
    addresses.push_back({"w" + std::to_string(i), "127.0.0.1:" + std::to_string(pool.ports[i])});
  RealClock clock;
  std::unique_ptr<load::WorkerPool> workers;
  std::thread late([&] {
    std::this_thread::sleep_for(milliseconds(1500));
    auto started = load::WorkerPool::Start(pool, clock);
    if (started.ok()) workers = std::move(*started);
  });
  {
    const RunningRouter router(UsualOptions("a", 0, {}, addresses));  // requires that Start succeeds
    late.join();
    REQUIRE(workers != nullptr);
  }
}

TEST_CASE("Router: a worker that is below its register is told at once, not by the next beat") {
  load::WorkerPoolOptions pool;
  pool.ports = {0};
  pool.models = {"m"};
  RealClock clock;
  const auto workers = load::WorkerPool::Start(pool, clock);
  REQUIRE(workers.ok());
  RouterOptions options = UsualOptions("a", 0, {}, (*workers)->addresses());
  options.health.period = std::chrono::hours(1);
  RunningRouter router(options);
  const std::string prompt = Text(20000, 1);
  REQUIRE(router.Generate(prompt).status.ok());

  std::this_thread::sleep_for(milliseconds(500));  // the beat that ends the start greets everyone once more

  // A response of a later life was seen, and then one of this life: the worker's clock went back.
  const std::uint64_t ahead = (*workers)->Incarnation(0) + 1'000'000'000'000;
  router.node->SawIncarnation(WorkerIndex{0}, Incarnation{2 * ahead});
  REQUIRE(router.Generate(prompt).status.ok());
  REQUIRE(Eventually([&] { return (*workers)->Incarnation(0) == 2 * ahead + 1; }));
  // And what it does in this life is known again.
  REQUIRE(router.Generate(prompt).status.ok());
  REQUIRE(Eventually([&] {
    (void)router.Generate(prompt);
    return router.Probe(prompt, "w0").workers_size() == 1;
  }));

  // What cannot be an incarnation is not taken, by the router or by the worker.
  router.node->SawIncarnation(WorkerIndex{0}, Incarnation{UINT64_MAX});
  REQUIRE(router.Count(RouterFigure("workers.words_refused.*"), "incarnation") == 1);
  for (const std::uint64_t value : {kWorkerIncarnationMax.value, kWorkerIncarnationMax.value + 1, UINT64_MAX}) {
    std::promise<Result<HealthReply>> answer;
    router.node->channels().CheckHealth(WorkerIndex{0}, Incarnation{value},
                                        [&](const Result<HealthReply>& reply) { answer.set_value(reply); });
    const Result<HealthReply> reply = answer.get_future().get();
    REQUIRE_FALSE(reply.ok());
    REQUIRE(reply.error().message.find("must be below 2^63 - 1") != std::string::npos);
  }
  REQUIRE((*workers)->Incarnation(0) == 2 * ahead + 1);
}

TEST_CASE("Router: after poisoned registers and a restart of the workers it is right again, by itself") {
  load::WorkerPoolOptions pool;
  pool.ports = {test::FreePort(), test::FreePort()};
  pool.models = {"m"};
  RealClock clock;
  auto workers = load::WorkerPool::Start(pool, clock);
  REQUIRE(workers.ok());
  const std::uint16_t sync = test::FreePort();
  // "a" dials "b", and is no router at all.
  RunningRouter router(
      UsualOptions("b", sync, {{"a", "127.0.0.1:" + std::to_string(test::FreePort())}}, (*workers)->addresses()));
  const std::string prompt = Text(20000, 1);
  REQUIRE(router.Generate(prompt).status.ok());
  REQUIRE(router.Probe(prompt).workers_size() == 1);

  const char* bin = std::getenv("PREFIXMESH_BIN");
  REQUIRE(bin != nullptr);
  const std::string poison =
      std::string(bin) + "/hostile_peer registers 127.0.0.1:" + std::to_string(sync) + " a 1.5 >/dev/null";
  std::future<int> poisoned = std::async(std::launch::async, [&] { return std::system(poison.c_str()); });
  REQUIRE(Eventually([&] { return router.Count(RouterFigure("sync.peers_up")) == 1; }));
  for (int i = 0; i < 20; ++i) REQUIRE(router.Generate(Text(2000, 100 + static_cast<std::uint64_t>(i))).status.ok());
  REQUIRE(poisoned.get() == 0);
  for (const std::size_t i : {0u, 1u}) REQUIRE((*workers)->Incarnation(i) < kWorkerIncarnationMax.value / 2);

  workers->reset();
  workers = load::WorkerPool::Start(pool, clock);
  REQUIRE(workers.ok());
  // What the last life held is not believed any more, and what this one takes is.
  REQUIRE(Eventually([&] { return router.Count(RouterFigure("workers.healthy")) == 2; }));
  REQUIRE(Eventually([&] { return router.Probe(prompt).workers_size() == 0; }));
  REQUIRE(Eventually([&] { return router.Generate(prompt).status.ok(); }));
  REQUIRE(Eventually([&] {
    const Reply again = router.Generate(prompt);
    return again.status.ok() && again.routed.reason() == v1::DECISION_CACHE;
  }));
  for (const std::size_t i : {0u, 1u}) REQUIRE((*workers)->Incarnation(i) < kWorkerIncarnationMax.value / 2);
}

// Answers each hello with thousands of models that nobody has heard of.
class InventsModels final : public v1::Worker::Service {
 public:
  grpc::Status Hello(grpc::ServerContext*, const v1::HelloRequest*, v1::HelloReply* reply) override {
    reply->set_worker("hostile");
    reply->set_incarnation(1);
    const std::uint64_t hello = hellos_.fetch_add(1);
    for (int i = 0; i < 8000; ++i)
      reply->add_models("invented-" + std::to_string(hello * 8000 + static_cast<std::uint64_t>(i)));
    return grpc::Status::OK;
  }
  std::uint64_t hellos() const { return hellos_.load(); }

 private:
  std::atomic<std::uint64_t> hellos_{0};
};

TEST_CASE("Router: a worker that invents models takes neither memory nor the others' models") {
  InventsModels service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  load::WorkerPoolOptions pool;
  pool.ports = {0};
  pool.models = {"m"};
  RealClock clock;
  const auto workers = load::WorkerPool::Start(pool, clock);
  REQUIRE(workers.ok());
  std::vector<load::WorkerAddress> addresses = (*workers)->addresses();
  addresses.push_back({"hostile", "127.0.0.1:" + std::to_string(port)});
  {
    RouterOptions options = UsualOptions("a", 0, {}, addresses);
    options.health.idle_periods = 1;  // nobody uses the hostile one
    RunningRouter router(std::move(options));
    const auto live_after = [&](std::uint64_t hellos) {
      REQUIRE(Eventually([&] { return service.hellos() >= hellos; }));
      const struct mallinfo2 heap = mallinfo2();
      return heap.uordblks + heap.hblkhd;
    };
    const std::uint64_t before = live_after(20);
    for (std::uint64_t i = 0; i < 10; ++i) REQUIRE(router.Generate(Text(2000, i)).status.ok());
    const std::uint64_t after = live_after(80);
    // 60 answers of 8,000 names are 12 MB of names alone.
    REQUIRE(after < before + (4u << 20));
    REQUIRE(router.Count(RouterFigure("workers.words_refused.*"), "models") >= 60u * (8000 - kModelsMax));
    REQUIRE(router.Generate(Text(20000, 1)).routed.worker() == "w0");
  }
  server->Shutdown();
}

}  // namespace
}  // namespace prefixmesh
