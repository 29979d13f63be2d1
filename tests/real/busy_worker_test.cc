// Goal: a worker that has more requests than a connection takes is busy, not dead.
#include <grpcpp/grpcpp.h>

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "tests/real/running_router.h"

namespace prefixmesh {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A request that nobody waits for.
struct LongRequest final : grpc::ClientReadReactor<v1::GenerateReply> {
  LongRequest(v1::Router::Stub& stub, int number) {
    request.set_model("m");
    request.set_kind(v1::KIND_TEXT);
    request.set_prompt("prompt " + std::to_string(number));
    stub.async()->Generate(&context, &request, this);
    StartRead(&reply);
    StartCall();
  }
  void OnReadDone(bool ok) override {
    if (ok) StartRead(&reply);
  }
  void OnDone(const grpc::Status&) override {
    MutexLock lock(mutex);
    done = true;
    changed.NotifyAll();
  }
  ~LongRequest() override {
    context.TryCancel();
    MutexLock lock(mutex);
    while (!done) changed.Wait(mutex);
  }
  grpc::ClientContext context;
  v1::GenerateRequest request;
  v1::GenerateReply reply;
  Mutex mutex;
  CondVar changed;
  bool done = false;
};

// Its health checks waited behind 512 requests, and after three of them every request was refused.
TEST_CASE("Router: health checks do not wait behind a worker's requests") {
  const RealClock clock;
  load::WorkerPoolOptions pool;
  pool.ports = {0};
  pool.models = {"m"};
  pool.service.decode = seconds(30);
  pool.service.concurrency = 100'000;
  auto workers = load::WorkerPool::Start(pool, clock);
  REQUIRE(workers.ok());
  RouterOptions options = test::UsualOptions("a", test::FreePort(), {}, (*workers)->addresses());
  options.health_timeout = milliseconds(250);
  test::RunningRouter router(options);
  std::vector<std::unique_ptr<v1::Router::Stub>> stubs;
  for (int i = 0; i < 3; ++i) {  // as many connections
    grpc::ChannelArguments own;
    own.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    stubs.push_back(v1::Router::NewStub(
        grpc::CreateCustomChannel(router.channel_address, grpc::InsecureChannelCredentials(), own)));
  }
  std::vector<std::unique_ptr<LongRequest>> requests;
  for (int i = 0; i < 900; ++i) requests.push_back(std::make_unique<LongRequest>(*stubs[i % 3u], i));
  REQUIRE(test::Eventually([&] { return router.Count(RouterFigure("requests.in_flight")) == 900; }));
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(milliseconds(100));
    REQUIRE(router.Count(RouterFigure("workers.healthy")) == 1);
  }
}

}  // namespace
}  // namespace prefixmesh
