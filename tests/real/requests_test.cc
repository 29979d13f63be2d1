// Goal: whatever a client or a peer sends, the answer is right or a typed refusal, and the router goes on.
// Method: two routers and two fake workers in this process, real gRPC between them, the generated client.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <thread>

#include "impl/base/prng.h"
#include "impl/env/real/grpc_router_server.h"
#include "impl/env/real/real_env.h"
#include "impl/node/router_node.h"
#include "impl/wire/prefixmesh.grpc.pb.h"
#include "loadgen/worker/worker_pool.h"

namespace prefixmesh {
namespace {

using std::chrono::milliseconds;

struct Reply {
  grpc::Status status;
  v1::Routed routed;
  v1::FirstToken first;
  bool finished = false;
};

struct RunningRouter {
  RunningRouter(const std::string& name, std::uint16_t sync_port, std::vector<SyncPeerAddress> peers,
                const std::vector<load::WorkerAddress>& workers) {
    RouterOptions options;
    options.name = name;
    options.sync.listen = "127.0.0.1:" + std::to_string(sync_port);
    options.sync.peers = std::move(peers);
    options.prompt_bytes_max = 4 << 20;
    options.hello_period = milliseconds(50);
    options.strategy_settings.round_period = milliseconds(10);
    for (const load::WorkerAddress& worker : workers) options.workers.push_back({worker.name, worker.address});
    node = std::make_unique<RouterNode>(options);
    server = std::make_unique<GrpcRouterServer>(RouterServerOptions{"127.0.0.1:0"}, *node, node->channels());
    REQUIRE(node->Start(std::chrono::seconds(5)).ok());
    const Result<int> port = server->Start();
    REQUIRE(port.ok());
    channel = grpc::CreateChannel("127.0.0.1:" + std::to_string(*port), grpc::InsecureChannelCredentials());
    stub = v1::Router::NewStub(channel);
  }
  ~RunningRouter() {
    server->Shutdown(milliseconds(100));
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
  v1::ProbeReply Probe(const std::string& prompt, const std::string& worker = "") {
    grpc::ClientContext context;
    v1::ProbeRequest request;
    request.set_model("m");
    request.set_prompt(prompt);
    request.set_worker(worker);
    v1::ProbeReply reply;
    REQUIRE(stub->Probe(&context, request, &reply).ok());
    return reply;
  }
  v1::RouterStatus Status() {
    v1::RouterStatus status;
    node->FillStatus(status);
    return status;
  }
  std::unique_ptr<RouterNode> node;
  std::unique_ptr<GrpcRouterServer> server;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::Router::Stub> stub;
};

template <typename Condition>
bool Eventually(Condition condition) {
  for (int i = 0; i < 500; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return false;
}

std::uint16_t FreePort() {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  const auto server = builder.BuildAndStart();
  return static_cast<std::uint16_t>(port);
}

struct Mesh2 {
  Mesh2() {
    load::WorkerPoolOptions pool;
    pool.ports = {0, 0};
    pool.models = {"m"};
    pool.service.prefill_per_block = Time(1000);
    pool.service.decode = milliseconds(2);
    auto started = load::WorkerPool::Start(pool, clock);
    REQUIRE(started.ok());
    workers = std::move(*started);
    const std::uint16_t port_a = FreePort(), port_b = FreePort();
    const std::string a = "127.0.0.1:" + std::to_string(port_a), b = "127.0.0.1:" + std::to_string(port_b);
    router_a =
        std::make_unique<RunningRouter>("a", port_a, std::vector<SyncPeerAddress>{{"b", b}}, workers->addresses());
    router_b =
        std::make_unique<RunningRouter>("b", port_b, std::vector<SyncPeerAddress>{{"a", a}}, workers->addresses());
    sync_b = b;
    REQUIRE(Eventually([&] { return router_a->Status().sync().peers_up() == 1; }));
    REQUIRE(Eventually([&] { return router_b->Status().sync().peers_up() == 1; }));
  }
  RealClock clock;
  std::unique_ptr<load::WorkerPool> workers;
  std::unique_ptr<RunningRouter> router_a, router_b;
  std::string sync_b;
};

std::string Text(std::size_t bytes, std::uint64_t seed) {
  Prng prng(seed);
  std::string text;
  while (text.size() < bytes) text.push_back(static_cast<char>('a' + prng.Below(26)));
  return text;
}

TEST_CASE("Router: a placement learned on one router routes the next request of the other one") {
  Mesh2 mesh;
  const std::string prompt = Text(20000, 1);
  const Reply first = mesh.router_a->Generate(prompt);
  REQUIRE(first.status.ok());
  REQUIRE(first.finished);
  REQUIRE(first.first.cached_bytes() == 0);
  const std::string worker = first.routed.worker();
  REQUIRE(Eventually([&] {
    const v1::ProbeReply probe = mesh.router_b->Probe(prompt, worker);
    return probe.workers_size() == 1 && probe.workers(0).depth_blocks() == probe.prompt_blocks();
  }));
  const Reply second = mesh.router_b->Generate(prompt);
  REQUIRE(second.routed.worker() == worker);
  REQUIRE(second.routed.reason() == v1::DECISION_CACHE);
  REQUIRE(second.first.cached_bytes() == 20000 / 256 * 256);
}

TEST_CASE("Router: the body reaches the worker byte for byte, whatever bytes they are") {
  Mesh2 mesh;
  std::string bytes;
  Prng prng(2);
  for (int i = 0; i < 50000; ++i) bytes.push_back(static_cast<char>(prng.Next()));  // no valid UTF-8
  const Reply first = mesh.router_a->Generate(bytes);
  REQUIRE(first.status.ok());
  REQUIRE(first.first.prompt_bytes() == bytes.size());
  // The worker hashed the same bytes: the same prompt is all cached there.
  REQUIRE(mesh.router_a->Generate(bytes).first.cached_bytes() == bytes.size() / 256 * 256);
  const Reply tokens = mesh.router_a->Generate(bytes, "m", v1::KIND_TOKENS);
  REQUIRE(tokens.status.ok());
  REQUIRE(tokens.routed.matched_bytes() == 0);  // another kind, another tree (W3)
}

TEST_CASE("Router: an empty prompt is served, an oversized one and an unknown model are refused by type") {
  Mesh2 mesh;
  const Reply empty = mesh.router_a->Generate("");
  REQUIRE(empty.status.ok());
  REQUIRE(empty.routed.reason() == v1::DECISION_MIN_LOAD);
  const Reply big = mesh.router_a->Generate(std::string(10 << 20, 'x'));
  REQUIRE(big.status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  REQUIRE(big.status.error_message().find("10485760") != std::string::npos);
  const Reply unknown = mesh.router_a->Generate("hello", "no-such-model");
  REQUIRE(unknown.status.error_code() == grpc::StatusCode::NOT_FOUND);
  REQUIRE(unknown.status.error_message().find("no-such-model") != std::string::npos);
  REQUIRE(mesh.router_a->Status().in_flight() == 0);
}

TEST_CASE("Router: bytes that are no request are refused, and the router goes on") {
  Mesh2 mesh;
  grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer> raw(mesh.router_a->channel);
  for (const std::string& garbage :
       {std::string("\xff\xff\xff\xff"), std::string("\x7a\xff\xff\x7fx"), std::string("\x0b")}) {
    grpc::ClientContext context;
    grpc::CompletionQueue queue;
    const grpc::Slice slice(garbage);
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer reply;
    grpc::Status status;
    auto call = raw.PrepareUnaryCall(&context, "/prefixmesh.v1.Router/Probe", request, &queue);
    call->StartCall();
    call->Finish(&reply, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    REQUIRE(status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  }
  REQUIRE(mesh.router_a->Generate("still here").status.ok());
}

TEST_CASE("Router: without a healthy worker requests are refused as unavailable, and served again when one is back") {
  Mesh2 mesh;
  mesh.workers = nullptr;  // all workers gone
  REQUIRE(Eventually([&] {
    (void)mesh.router_a->Generate("x");
    return mesh.router_a->Status().workers_healthy() == 0;
  }));
  const Reply refused = mesh.router_a->Generate("x");
  REQUIRE(refused.status.error_code() == grpc::StatusCode::UNAVAILABLE);
  REQUIRE(refused.status.error_message().find("no healthy worker") != std::string::npos);
}

TEST_CASE("Router: an oversized probe history is bounded; closed and unknown handles say so") {
  Mesh2 mesh;
  const Slices prompt;
  const std::string text = Text(5000, 3);
  const Slices slices(AsBytes(text));
  const std::uint64_t first = mesh.router_a->node->ProbeOpen({"m", Kind::kText, &slices});
  for (std::size_t i = 0; i < RouterNode::kProbesMax; ++i) mesh.router_a->node->ProbeOpen({"m", Kind::kText, &slices});
  REQUIRE_FALSE(mesh.router_a->node->ProbePoll(first, "w0").ok());  // the oldest went
  const std::uint64_t last = mesh.router_a->node->ProbeOpen({"m", Kind::kText, &slices});
  REQUIRE(mesh.router_a->node->ProbePoll(last, "w0").ok());
  mesh.router_a->node->ProbeClose(last);
  REQUIRE_FALSE(mesh.router_a->node->ProbePoll(last, "w0").ok());
}

TEST_CASE("Sync: frames that do not decode are counted and refused; a stranger is turned away; the mesh heals") {
  Mesh2 mesh;
  const auto exchange = [&](const std::string& name, const std::string& body) {
    auto channel = grpc::CreateChannel(mesh.sync_b, grpc::InsecureChannelCredentials());
    auto stub = v1::Sync::NewStub(channel);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
    if (!name.empty()) context.AddMetadata("prefixmesh-router", name);
    auto stream = stub->Exchange(&context);
    v1::SyncFrame frame;
    frame.set_body(body);
    stream->Write(frame);
    while (stream->Read(&frame)) {
    }
    return stream->Finish();
  };
  REQUIRE(exchange("mallory", "x").error_code() == grpc::StatusCode::PERMISSION_DENIED);
  REQUIRE(exchange("", "x").error_code() == grpc::StatusCode::PERMISSION_DENIED);
  // Somebody who claims to be "a" takes its place until the frame shows itself as nonsense.
  REQUIRE_FALSE(exchange("a", "\x02\xff nonsense").ok());
  REQUIRE(Eventually([&] {
    const v1::RouterStatus status = mesh.router_b->Status();
    return status.sync().decode_errors().count("frame") == 1 && status.sync().decode_errors().at("frame") >= 1;
  }));
  // The real "a" dials again, and placements flow.
  const std::string prompt = Text(9000, 7);
  REQUIRE(mesh.router_a->Generate(prompt).status.ok());
  REQUIRE(Eventually([&] {
    const v1::ProbeReply probe = mesh.router_b->Probe(prompt);
    return probe.workers_size() == 1 && probe.workers(0).depth_blocks() == probe.prompt_blocks();
  }));
}

}  // namespace
}  // namespace prefixmesh
