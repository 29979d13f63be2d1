// Goal: a client that leaves at any moment of its call, or a router that stops at any, leaves nothing behind.
// Method: the request port alone, over a handler that counts and a worker that answers, refuses or hangs as the prompt
// says. Clients cancel before the body, while it waits, and at random moments after it. For the sanitizers: more calls
// with PREFIXMESH_CANCELS.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "impl/env/real/grpc_router_server.h"
#include "impl/wire/status_message.h"
#include "tests/real/running_router.h"

namespace prefixmesh {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Eventually;

constexpr char kGenerate[] = "/prefixmesh.v1.Router/Generate";
constexpr char kStatus[] = "/prefixmesh.v1.RouterAdmin/Status";

// Counts what it is given and what it gets back.
class CountingHandler final : public RouterHandler {
 public:
  ByteBudget& in_flight() override { return charged; }
  Result<RouteDecision> Decide(const RouteRequest&, bool) override {
    ++placed;
    RouteDecision decision;
    decision.worker_name = "w";
    return decision;
  }
  void Finished(const RouteDecision&, Forwarded) override { --placed; }
  bool TakeRetry() override { return true; }
  void SawIncarnation(WorkerIndex, Incarnation) override {}
  Status Pick(const RouteRequest&, v1::PickReply&) override { return {}; }
  Status PickReported(const v1::PickReport&) override { return {}; }
  void Probe(const RouteRequest&, std::string, std::function<void(const v1::ProbeReply&)> done) override { done({}); }
  std::uint64_t ProbeOpen(const RouteRequest&) override { return 0; }
  Result<std::pair<std::uint32_t, std::uint32_t>> ProbePoll(std::uint64_t, std::string_view) override {
    return std::pair<std::uint32_t, std::uint32_t>{0, 0};
  }
  void ProbeClose(std::uint64_t) override {}
  RouterReport Report() override { return {}; }
  void BeginPhase(std::string_view) override {}
  void Held(const v1::HeldRequest&, v1::HeldBlocks&) override {}
  void Positions(std::function<void(const v1::SyncPositions&)> done) override { done({}); }

  ByteBudget charged{1u << 30};
  std::atomic<std::uint64_t> placed{0};
};

// "answer", "hang" until the caller leaves, or "refuse": unavailable every other time.
class MoodyWorker final : public v1::Worker::CallbackService {
 public:
  MoodyWorker() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~MoodyWorker() override { server_->Shutdown(std::chrono::system_clock::now()); }
  grpc::ServerWriteReactor<v1::GenerateReply>* Generate(grpc::CallbackServerContext*,
                                                        const v1::GenerateRequest* request) override {
    ++asked;
    return new Answer(request->prompt(), request->prompt() == "refuse" && ++refusals_ % 2 != 0);
  }

  int port = 0;
  std::atomic<int> asked{0};

 private:
  class Answer final : public grpc::ServerWriteReactor<v1::GenerateReply> {
   public:
    Answer(const std::string& mood, bool refuse) : hangs_(mood == "hang") {
      if (refuse) Finish({grpc::StatusCode::UNAVAILABLE, "not now"});
      if (refuse || hangs_) return;
      reply_.mutable_first_token()->set_prompt_bytes(mood.size());
      StartWrite(&reply_);
    }
    void OnWriteDone(bool) override {
      if (++written_ == 2) return Finish(grpc::Status::OK);
      reply_.mutable_finished();
      StartWrite(&reply_);
    }
    void OnCancel() override {
      if (hangs_) Finish(grpc::Status::CANCELLED);
    }
    void OnDone() override { delete this; }

   private:
    const bool hangs_;
    int written_ = 0;
    v1::GenerateReply reply_;
  };

  std::atomic<int> refusals_{0};
  std::unique_ptr<grpc::Server> server_;
};

// A router's request side without a router.
struct Port {
  Port() {
    channels->Add(WorkerIndex{0}, "127.0.0.1:" + std::to_string(worker.port));
    RouterServerOptions options;
    options.listen = "127.0.0.1:0";
    options.limits.bodies_per_connection = 8;
    options.limits.body_timeout = std::chrono::minutes(1);
    server = GrpcRouterServer::Make(options, handler, *channels, clock, loop);
    const Result<int> port = server->Start();
    REQUIRE(port.ok());
    channel = grpc::CreateChannel("127.0.0.1:" + std::to_string(*port), grpc::InsecureChannelCredentials());
    REQUIRE(channel->WaitForConnected(std::chrono::system_clock::now() + seconds(5)));
  }
  ~Port() {
    server->Shutdown(Time{0});
    loop.Stop();
  }
  RealClock clock;
  LoopThread loop;
  MoodyWorker worker;
  std::unique_ptr<GrpcWorkerChannels> channels = GrpcWorkerChannels::Make("a", seconds(1));
  CountingHandler handler;
  std::unique_ptr<GrpcRouterServer> server;
  std::shared_ptr<grpc::Channel> channel;
};

// One call whose client leaves when this goes.
class Call {
 public:
  Call(const std::shared_ptr<grpc::Channel>& channel, const char* method) : stub_(channel) {
    call_ = stub_.PrepareCall(&context_, method, &queue_);
    call_->StartCall(nullptr);
  }
  ~Call() {
    context_.TryCancel();
    queue_.Shutdown();
    while (Next(seconds(30))) {
    }
  }
  Call(const Call&) = delete;
  void Send(const std::string& prompt) {
    v1::GenerateRequest request;
    request.set_model("m");
    request.set_prompt(prompt);
    const grpc::Slice slice(request.SerializeAsString());
    body_ = grpc::ByteBuffer(&slice, 1);
    if (!Next(seconds(60))) return;  // until the call has started
    call_->WriteLast(body_, grpc::WriteOptions(), nullptr);
  }
  // Until the answer is over, or the time is.
  void Listen(microseconds time) {
    call_->Finish(&status_, &status_);
    Wait(time, 2);
  }
  grpc::Status status_{grpc::StatusCode::UNKNOWN, ""};

 private:
  bool Next(microseconds time) {
    void* tag = nullptr;
    bool ok = false;
    return queue_.AsyncNext(&tag, &ok, std::chrono::system_clock::now() + time) == grpc::CompletionQueue::GOT_EVENT;
  }
  void Wait(microseconds time, int events) {
    for (int i = 0; i < events && Next(time); ++i) {
    }
  }
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  grpc::ByteBuffer body_;
};

TEST_CASE("Router: a client may leave at any moment of its call; nothing of it stays") {
  const char* more = std::getenv("PREFIXMESH_CANCELS");
  const int calls = more != nullptr ? std::atoi(more) : 2000;
  constexpr int kClients = 4;
  Port port;
  {
    const Call silent(port.channel, kGenerate);  // a slow body: the port meters this connection from now on
    std::vector<std::thread> clients;
    for (int client = 0; client < kClients; ++client) {
      clients.emplace_back([&, client] {
        Prng prng(static_cast<std::uint64_t>(client) + 1);
        for (int i = 0; i < calls / kClients; ++i) {
          const auto soon = [&] { return microseconds(prng.Below(i % 2 == 0 ? 300 : 3000)); };
          switch (prng.Below(6)) {
            case 0: {  // before the body
              Call call(port.channel, kGenerate);
              std::this_thread::sleep_for(soon());
              break;
            }
            case 1: {  // bodies that wait for a place
              const Call first(port.channel, kGenerate), second(port.channel, kGenerate);
              Call third(port.channel, kGenerate), fourth(port.channel, kStatus);
              third.Send("answer");
              fourth.Send("");
              third.Listen(soon());
              break;
            }
            case 2: {
              Call call(port.channel, kStatus);
              call.Send("");
              call.Listen(soon());
              break;
            }
            default: {
              Call call(port.channel, kGenerate);
              call.Send(std::array{"answer", "hang", "refuse"}[prng.Below(3)]);
              call.Listen(soon());
            }
          }
        }
      });
    }
    for (std::thread& client : clients) client.join();
  }
  REQUIRE(port.worker.asked > 0);
  // gRPC has thousands of calls left to bury where a sanitizer slows it down.
  const auto empty = [&] { return port.handler.placed == 0 && port.handler.charged.bytes() == 0; };
  REQUIRE((Eventually(empty) || Eventually(empty) || Eventually(empty) || Eventually(empty)));
  const auto admin = v1::RouterAdmin::NewStub(port.channel);
  grpc::ClientContext context;
  v1::RouterStatus status;
  REQUIRE(admin->Status(&context, v1::Empty(), &status).ok());
  REQUIRE(ReadStatus(status).readings.Number(RouterFigure("requests.bodies_unfinished")) == 0.0);
}

// A call gave its charge back when its worker's half was gone too, which could be after Shutdown: to a handler that
// need not be there any more.
TEST_CASE("Router: when its port has shut down, everything that calls were charged is given back") {
  for (int round = 0; round < 40; ++round) {
    Port port;
    std::vector<std::unique_ptr<Call>> calls;
    for (int i = 0; i < 20; ++i) {
      calls.push_back(std::make_unique<Call>(port.channel, kGenerate));
      calls.back()->Send("hang");
    }
    REQUIRE(Eventually([&] { return port.worker.asked == 20; }));
    port.server->Shutdown(Time{0});
    REQUIRE(port.handler.charged.bytes() == 0);
    REQUIRE(port.handler.placed == 0);
  }
}

}  // namespace
}  // namespace prefixmesh
