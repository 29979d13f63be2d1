// Goal: whatever a client or a peer sends, the answer is right or a typed refusal, and the router goes on.
// Method: two routers and two fake workers in this process, real gRPC between them, the generated client.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <thread>

#include "impl/env/real/request_port.h"
#include "tests/real/running_router.h"

namespace prefixmesh {
namespace {

using std::chrono::milliseconds;
using test::Eventually;
using test::Mesh2;
using test::Reply;
using test::Text;

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
  REQUIRE(big.status.error_message().find("2101248") != std::string::npos);  // the limit on a message
  const std::uint64_t limit = PortLimits{}.prompt_bytes;
  const Reply above = mesh.router_a->Generate(std::string(limit + 1, 'x'));
  REQUIRE(above.status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  REQUIRE(above.status.error_message().find(std::to_string(limit)) != std::string::npos);
  const Reply unknown = mesh.router_a->Generate("hello", "no-such-model");
  REQUIRE(unknown.status.error_code() == grpc::StatusCode::NOT_FOUND);
  REQUIRE(unknown.status.error_message().find("no-such-model") != std::string::npos);
  REQUIRE(mesh.router_a->Count(RouterFigure("requests.in_flight")) == 0);
}

TEST_CASE("Router: what would put too much in flight is refused and counted, and served when there is room again") {
  load::WorkerPoolOptions pool;
  pool.ports = {0};
  pool.models = {"m"};
  pool.service.prefill_per_block = Time(1000);
  pool.service.decode = milliseconds(1500);
  RealClock clock;
  auto workers = load::WorkerPool::Start(pool, clock);
  REQUIRE(workers.ok());
  RouterOptions options = test::UsualOptions("router-a", test::FreePort(), {}, (*workers)->addresses());
  constexpr std::uint64_t kPrompt = 100'000, kFields = 7;  // the model, and the prompt's header
  options.in_flight_bytes_max = 3 * (kPrompt + kFields + RequestPort::kCallBytes) + RequestPort::kCallBytes;
  test::RunningRouter router(options);
  std::atomic<int> served{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 3; ++i) clients.emplace_back([&, i] { served += router.Generate(Text(kPrompt, i)).status.ok(); });
  REQUIRE(Eventually([&] { return router.Count(RouterFigure("requests.in_flight")) == 3; }));
  REQUIRE(router.Count(RouterFigure("requests.in_flight_bytes")) ==
          options.in_flight_bytes_max - RequestPort::kCallBytes);
  const std::uint64_t nodes = router.Count(RouterFigure("index.nodes"));
  const Reply refused = router.Generate(Text(kPrompt, 7));
  REQUIRE(refused.status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  REQUIRE(refused.status.error_message().find("are in flight") != std::string::npos);
  REQUIRE(router.Count(RouterFigure("requests.refused")) == 1);
  const auto admin = v1::RouterAdmin::NewStub(router.channel);
  for (int i = 0; i < 20; ++i) {  // Status has a share of its own, and more answers than its pace makes at once
    grpc::ClientContext context;
    v1::RouterStatus status;
    REQUIRE(admin->Status(&context, v1::Empty(), &status).ok());
  }
  REQUIRE(router.Count(RouterFigure("requests.in_flight_bytes")) ==
          options.in_flight_bytes_max - RequestPort::kCallBytes);
  REQUIRE(router.Count(RouterFigure("index.nodes")) == nodes);  // nothing was learned of it
  for (std::thread& client : clients) client.join();
  REQUIRE(served == 3);
  REQUIRE(Eventually([&] { return router.Count(RouterFigure("requests.in_flight_bytes")) == 0; }));
  REQUIRE(router.Generate(Text(kPrompt, 7)).status.ok());
}

TEST_CASE("Router: it learned a placement when the prompt has something that its index can hold") {
  Mesh2 mesh;
  for (const std::size_t chars : {0u, 1u, 255u, 256u, 257u, 511u, 512u}) {
    INFO(chars);
    const Reply reply = mesh.router_a->Generate(Text(chars, chars));
    REQUIRE(reply.status.ok());
    REQUIRE(reply.routed.inserted() == (chars >= 256));
    REQUIRE(mesh.router_a->Probe(Text(chars, chars)).prompt_blocks() == chars / 256);
  }
  REQUIRE(mesh.router_a->Generate(Text(60, 1), "m", v1::KIND_TOKENS).routed.inserted() == false);
  REQUIRE(mesh.router_a->Generate(Text(64, 1), "m", v1::KIND_TOKENS).routed.inserted() == true);
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
    return mesh.router_a->Count(RouterFigure("workers.healthy")) == 0;
  }));
  const Reply refused = mesh.router_a->Generate("x");
  REQUIRE(refused.status.error_code() == grpc::StatusCode::UNAVAILABLE);
  REQUIRE(refused.status.error_message().find("no healthy worker") != std::string::npos);
}

TEST_CASE("Router: positions say that two routers hold the same; a phase's decision times begin with the phase") {
  Mesh2 mesh;
  const auto positions = [](test::RunningRouter& router) {
    const auto admin = v1::RouterAdmin::NewStub(router.channel);
    grpc::ClientContext context;
    v1::SyncPositions reply;
    REQUIRE(admin->Positions(&context, v1::Empty(), &reply).ok());
    REQUIRE(reply.peers_up() == 1);
    std::vector<std::string> logs;
    for (const v1::LogPosition& log : reply.logs()) logs.push_back(log.SerializeAsString());
    return logs;
  };
  REQUIRE(positions(*mesh.router_a).empty());
  for (std::uint64_t i = 0; i < 3; ++i) REQUIRE(mesh.router_a->Generate(Text(2000, i)).status.ok());
  REQUIRE(mesh.router_b->Generate(Text(2000, 99)).status.ok());
  REQUIRE(Eventually([&] { return positions(*mesh.router_a).size() == 2; }));
  REQUIRE(Eventually([&] { return positions(*mesh.router_a) == positions(*mesh.router_b); }));

  const auto counts = [&] {
    const Readings readings = mesh.router_a->node->Report().readings;
    std::uint64_t decisions = 0;
    for (const LabelValue& reason : kDecisionValues)
      decisions += readings.Count(RouterFigure("decisions.*"), reason.name);
    return std::pair(decisions, readings.Count(RouterFigure("decisions_since_phase")));
  };
  REQUIRE(counts() == std::pair<std::uint64_t, std::uint64_t>(3, 3));
  mesh.router_a->node->BeginPhase("join");
  REQUIRE(mesh.router_a->Generate(Text(2000, 5)).status.ok());
  REQUIRE(counts() == std::pair<std::uint64_t, std::uint64_t>(4, 1));
  mesh.router_a->node->BeginPhase("load");
  REQUIRE(counts() == std::pair<std::uint64_t, std::uint64_t>(0, 0));
}

TEST_CASE("Router: an oversized probe history is bounded; closed and unknown handles say so") {
  Mesh2 mesh;
  const Slices prompt;
  const std::string text = Text(5000, 3);
  const Slices slices(AsBytes(text));
  const std::uint64_t first = mesh.router_a->node->ProbeOpen({"m", Kind::kText, &slices});
  for (std::size_t i = 0; i < Probes::kHandlesMax; ++i) mesh.router_a->node->ProbeOpen({"m", Kind::kText, &slices});
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
    frame.mutable_preface()->set_router(name);
    frame.mutable_preface()->set_incarnation(7);
    stream->Write(frame);
    frame.clear_preface();
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
  REQUIRE(Eventually([&] { return mesh.router_b->Count(RouterFigure("sync.decode_errors.*"), "corrupt") >= 1; }));
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
