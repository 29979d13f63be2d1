// running_router.h — a router in this process with real gRPC around it, and a pair of them over fake workers.
#pragma once

#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "impl/base/prng.h"
#include "impl/env/real/grpc_router_server.h"
#include "impl/env/real/listen_socket.h"
#include "impl/env/real/real_env.h"
#include "impl/figures/router_figures.h"
#include "impl/node/router_node.h"
#include "impl/wire/prefixmesh.grpc.pb.h"
#include "loadgen/worker/worker_pool.h"

namespace prefixmesh::test {

struct Reply {
  grpc::Status status;
  v1::Routed routed;
  v1::FirstToken first;
  bool finished = false;
};

inline RouterOptions UsualOptions(const std::string& name, std::uint16_t sync_port, std::vector<SyncPeerAddress> peers,
                                  const std::vector<load::WorkerAddress>& workers) {
  RouterOptions options;
  options.name = name;
  options.sync.listen = "127.0.0.1:" + std::to_string(sync_port);
  options.sync.peers = std::move(peers);
  options.health.period = std::chrono::milliseconds(50);
  options.settings.two_layer.round_ms = 10;
  for (const load::WorkerAddress& worker : workers) options.workers.push_back({worker.name, worker.address});
  return options;
}

struct RunningRouter {
  explicit RunningRouter(const RouterOptions& options, bool control = true) {
    node = std::make_unique<RouterNode>(options);
    server = GrpcRouterServer::Make({"127.0.0.1:0", options.limits, control}, *node, node->channels(), node->clock(),
                                    node->loop());
    REQUIRE(node->Start().ok());
    const Time deadline = node->clock().Now() + std::chrono::seconds(5);
    while (!node->SilentWorkers().empty() && node->clock().Now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    REQUIRE(node->SilentWorkers().empty());
    const Result<int> port = server->Start();
    REQUIRE(port.ok());
    channel_address = "127.0.0.1:" + std::to_string(*port);
    channel = grpc::CreateChannel(channel_address, grpc::InsecureChannelCredentials());
    stub = v1::Router::NewStub(channel);
  }
  ~RunningRouter() {
    server->Shutdown(std::chrono::milliseconds(100));
    node->Stop();
  }
  Reply Generate(const std::string& prompt, const std::string& model = "m", v1::Kind kind = v1::KIND_TEXT) {
    Reply reply;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    v1::GenerateRequest request;
    request.set_model(model);
    request.set_kind(kind);
    request.set_prompt(prompt);
    auto reader = stub->Generate(&context, request);
    v1::GenerateReply message;
    while (reader->Read(&message)) {
      if (message.has_routed()) reply.routed = message.routed();
      if (message.has_first_token()) reply.first = message.first_token();
      reply.finished = reply.finished || message.has_finished();
    }
    reply.status = reader->Finish();
    return reply;
  }
  v1::ProbeReply Probe(const std::string& prompt, const std::string& worker = "", v1::Kind kind = v1::KIND_TEXT) {
    grpc::ClientContext context;
    v1::ProbeRequest request;
    request.set_model("m");
    request.set_prompt(prompt);
    request.set_worker(worker);
    request.set_kind(kind);
    v1::ProbeReply reply;
    REQUIRE(stub->Probe(&context, request, &reply).ok());
    return reply;
  }
  std::uint64_t Count(const Figure& figure, std::string_view label = {}) {
    return node->Report().readings.Count(figure, label);
  }
  std::unique_ptr<RouterNode> node;
  std::unique_ptr<GrpcRouterServer> server;
  std::string channel_address;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::Router::Stub> stub;
};

template <typename Condition>
bool Eventually(Condition condition) {
  for (int i = 0; i < 500; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

inline std::uint16_t FreePort() {
  const Result<ListenSocket> socket = ListenOn("127.0.0.1:0");
  REQUIRE(socket.ok());
  close(socket->fd);
  return socket->port;
}

// Quick workers of the model "m".
inline load::WorkerPoolOptions UsualPool(std::vector<std::uint16_t> ports) {
  load::WorkerPoolOptions pool;
  pool.ports = std::move(ports);
  pool.models = {"m"};
  pool.service.prefill_per_block = Time(1000);
  pool.service.decode = std::chrono::milliseconds(2);
  return pool;
}

inline std::unique_ptr<load::WorkerPool> StartPool(const Clock& clock, const load::WorkerPoolOptions& options) {
  auto started = load::WorkerPool::Start(options, clock);
  REQUIRE(started.ok());
  return std::move(*started);
}

struct Mesh2 {
  Mesh2() {
    workers = StartPool(clock, UsualPool({0, 0}));
    const std::uint16_t port_a = FreePort(), port_b = FreePort();
    const std::string a = "127.0.0.1:" + std::to_string(port_a), b = "127.0.0.1:" + std::to_string(port_b);
    router_a = std::make_unique<RunningRouter>(UsualOptions("a", port_a, {{"b", b}}, workers->addresses()));
    router_b = std::make_unique<RunningRouter>(UsualOptions("b", port_b, {{"a", a}}, workers->addresses()));
    sync_b = b;
    REQUIRE(Eventually([&] { return router_a->Count(RouterFigure("sync.peers_up")) == 1; }));
    REQUIRE(Eventually([&] { return router_b->Count(RouterFigure("sync.peers_up")) == 1; }));
  }
  RealClock clock;
  std::unique_ptr<load::WorkerPool> workers;
  std::unique_ptr<RunningRouter> router_a, router_b;
  std::string sync_b;
};

inline std::string Text(std::size_t bytes, std::uint64_t seed) {
  Prng prng(seed);
  std::string text;
  while (text.size() < bytes) text.push_back(static_cast<char>('a' + prng.Below(26)));
  return text;
}

}  // namespace prefixmesh::test
