#include "impl/env/real/grpc_router_server.h"

#include <grpcpp/grpcpp.h>

#include <string_view>

#include "impl/env/real/check_port.h"
#include "impl/env/real/generate_call.h"
#include "impl/env/real/grpc_limits.h"
#include "impl/env/real/grpc_listener.h"
#include "impl/env/real/request_parse.h"
#include "impl/env/real/request_port.h"
#include "impl/env/real/status_of.h"
#include "impl/env/shared_answer.h"
#include "impl/figures/router_figures.h"
#include "impl/wire/prefixmesh.pb.h"
#include "impl/wire/status_message.h"

namespace prefixmesh {
namespace {

using grpc::ByteBuffer;

constexpr char kHealthCheck[] = "/grpc.health.v1.Health/Check";
constexpr char kStatus[] = "/prefixmesh.v1.RouterAdmin/Status";
constexpr char kGenerate[] = "/prefixmesh.v1.Router/Generate";
constexpr char kPick[] = "/prefixmesh.v1.Router/Pick";
constexpr char kReport[] = "/prefixmesh.v1.Router/Report";

grpc::Status InvalidArgument(const Error& error) { return {grpc::StatusCode::INVALID_ARGUMENT, error.message}; }

ByteBuffer BufferOf(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return ByteBuffer(&slice, 1);
}

template <typename Message>
bool Parse(const ByteBuffer& body, Message& message) {
  std::vector<grpc::Slice> slices;
  if (!body.Dump(&slices).ok()) return false;
  std::string bytes;
  for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return message.ParseFromString(bytes);
}

// A call with one message in and one out.
class UnaryCall final : public RequestCall {
 public:
  using Handle = void (*)(RouterHandler& handler, const ByteBuffer& body, UnaryCall& call);
  UnaryCall(RequestPort& port, RouterHandler& handler, grpc::GenericCallbackServerContext& context, Handle handle)
      : RequestCall(port, context), handler_(handler), handle_(handle) {}
  void OnBody(ByteBuffer body) override { handle_(handler_, body, *this); }
  // Exactly one of them, once, on any thread.
  template <typename Message>
  void Reply(const Message& message) {
    reply_ = BufferOf(message.SerializeAsString());
    WriteBegan();
    StartWriteAndFinish(&reply_, {}, grpc::Status::OK);
  }
  void Fail(const grpc::Status& status) { Finish(status); }

 private:
  RouterHandler& handler_;
  const Handle handle_;
  ByteBuffer reply_;
};

using StatusAnswers = SharedAnswer<ByteBuffer>;

class StatusCall final : public RequestCall {
 public:
  StatusCall(RequestPort& port, grpc::GenericCallbackServerContext& context, StatusAnswers& answers)
      : RequestCall(port, context), answers_(answers) {}
  void OnBody(ByteBuffer) override {
    answers_.Ask([this](const ByteBuffer& answer) {
      reply_ = answer;
      WriteBegan();
      StartWriteAndFinish(&reply_, {}, grpc::Status::OK);
    });
  }

 private:
  StatusAnswers& answers_;
  ByteBuffer reply_;
};

// A call that is refused at its headers.
class RefusedCall final : public grpc::ServerGenericBidiReactor {
 public:
  explicit RefusedCall(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

void Probe(RouterHandler& handler, const ByteBuffer& body, UnaryCall& call) {
  Result<ParsedRequest> parsed = ParseRequest(body);
  if (!parsed.ok()) return call.Fail(InvalidArgument(parsed.error()));
  handler.Probe(RouteRequestOf(*parsed), parsed->worker, [&call](const v1::ProbeReply& answer) { call.Reply(answer); });
}

void ProbeOpen(RouterHandler& handler, const ByteBuffer& body, UnaryCall& call) {
  Result<ParsedRequest> parsed = ParseRequest(body);
  if (!parsed.ok()) return call.Fail(InvalidArgument(parsed.error()));
  v1::ProbeHandle handle;
  handle.set_handle(handler.ProbeOpen(RouteRequestOf(*parsed)));
  call.Reply(handle);
}

void ProbePoll(RouterHandler& handler, const ByteBuffer& body, UnaryCall& call) {
  v1::ProbePollRequest request;
  if (!Parse(body, request)) return call.Fail({grpc::StatusCode::INVALID_ARGUMENT, "no ProbePollRequest"});
  const auto depths = handler.ProbePoll(request.handle(), request.worker());
  if (!depths.ok()) return call.Fail({grpc::StatusCode::NOT_FOUND, depths.error().message});
  v1::ProbePollReply reply;
  reply.set_prompt_blocks(depths->first);
  reply.set_depth_blocks(depths->second);
  call.Reply(reply);
}

void ProbeClose(RouterHandler& handler, const ByteBuffer& body, UnaryCall& call) {
  v1::ProbeHandle request;
  if (!Parse(body, request)) return call.Fail({grpc::StatusCode::INVALID_ARGUMENT, "no ProbeHandle"});
  handler.ProbeClose(request.handle());
  call.Reply(v1::Empty());
}

void Pick(RouterHandler& handler, const ByteBuffer& body, UnaryCall& call) {
  Result<ParsedRequest> parsed = ParseRequest(body);
  if (!parsed.ok()) return call.Fail(StatusOf(parsed.error()));
  v1::PickReply reply;
  if (Status picked = handler.Pick(RouteRequestOf(*parsed), reply); !picked.ok())
    return call.Fail(StatusOf(picked.error()));
  call.Reply(reply);
}

void ReportPick(RouterHandler& handler, const ByteBuffer& body, UnaryCall& call) {
  v1::PickReport report;
  if (!Parse(body, report)) return call.Fail({grpc::StatusCode::INVALID_ARGUMENT, "no PickReport"});
  if (Status taken = handler.PickReported(report); !taken.ok()) return call.Fail(StatusOf(taken.error()));
  call.Reply(v1::Empty());
}

void BeginPhase(RouterHandler& handler, const ByteBuffer& body, UnaryCall& call) {
  v1::BeginPhaseRequest request;
  if (!Parse(body, request)) return call.Fail({grpc::StatusCode::INVALID_ARGUMENT, "no BeginPhaseRequest"});
  handler.BeginPhase(request.phase());
  call.Reply(v1::Empty());
}

void Positions(RouterHandler& handler, const ByteBuffer&, UnaryCall& call) {
  handler.Positions([&call](const v1::SyncPositions& positions) { call.Reply(positions); });
}

void Held(RouterHandler& handler, const ByteBuffer& body, UnaryCall& call) {
  v1::HeldRequest request;
  if (!Parse(body, request)) return call.Fail({grpc::StatusCode::INVALID_ARGUMENT, "no HeldRequest"});
  v1::HeldBlocks held;
  handler.Held(request, held);
  call.Reply(held);
}

// Only where RouterServerOptions.control is on.
struct ControlMethod {
  std::string_view name;
  UnaryCall::Handle handle;
};
constexpr ControlMethod kControlMethods[] = {
    {"/prefixmesh.v1.RouterAdmin/BeginPhase", BeginPhase},
    {"/prefixmesh.v1.RouterAdmin/Positions", Positions},
    {"/prefixmesh.v1.RouterAdmin/Held", Held},
    {"/prefixmesh.v1.Router/Probe", Probe},
    {"/prefixmesh.v1.Router/ProbeOpen", ProbeOpen},
    {"/prefixmesh.v1.Router/ProbePoll", ProbePoll},
    {"/prefixmesh.v1.Router/ProbeClose", ProbeClose},
};

constexpr std::uint64_t kStatusCalls = 64, kHealthCalls = 512;
// Of Status there is one answer for all that wait.
constexpr std::uint64_t kStatusAnswersPerSecond = 10, kStatusAnswersBurst = 10;

class RouterServer final : public GrpcRouterServer, private grpc::CallbackGenericService {
 public:
  RouterServer(RouterServerOptions options, RouterHandler& handler, GrpcWorkerChannels& channels, Clock& clock,
               Executor& executor)
      : options_(std::move(options)),
        handler_(handler),
        channels_(channels),
        port_(AdmissionOf(options_.limits), options_.limits.answer_timeout, options_.limits.message_bytes(), listener_,
              handler.in_flight(), clock, executor),
        status_port_(kStatusCalls, listener_, clock, executor),
        health_port_(kHealthCalls, listener_, clock, executor),
        status_answers_(
            Pace(kStatusAnswersPerSecond, kStatusAnswersBurst), [this] { return StatusNow(); }, clock, executor) {}

  Result<int> Start() override {
    grpc::ServerBuilder builder;
    const Result<std::uint16_t> port = listener_.Bind(options_.listen, options_.limits, builder);
    if (!port.ok()) return port.error();
    ApplyPortLimits(options_.limits, options_.limits.message_bytes(), builder);
    builder.RegisterCallbackGenericService(this);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) return Error{ErrorCode::kUnavailable, "cannot serve " + options_.listen};
    listener_.Start();
    return int{*port};
  }

  void Shutdown(Time grace) override {
    if (server_ == nullptr) return;
    stopping_ = true;
    listener_.StopAccepting(grace);
    server_->Shutdown(std::chrono::system_clock::now() + grace);
    server_->Wait();
    listener_.Stop();
    server_ = nullptr;
  }

  // What the handler says, and what the ports and their listener count.
  RouterReport Report() override {
    RouterReport report = handler_.Report();
    Readings& out = report.readings;
    out.Set(RouterFigure("requests.bodies_unfinished"),
            port_.bodies() + status_port_.port().bodies() + health_port_.port().bodies());
    out.Set(RouterFigure("requests.bodies_refused"), port_.bodies_refused());
    out.Set(RouterFigure("requests.checks_refused"), status_port_.refused() + health_port_.refused());
    for (const auto& [reason, count] : listener_.Refusals())
      out.Set(RouterFigure("requests.connections_refused.*"), reason, count);
    out.Set(RouterFigure("requests.answers_untaken"),
            port_.answers_untaken() + status_port_.port().answers_untaken() + health_port_.port().answers_untaken());
    return report;
  }

  // At the headers of a call.
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    RequestPort* port = &port_;
    RequestCall* call = nullptr;
    if (context->method() == kGenerate) {
      call = NewGenerateCall(port_, handler_, channels_, *context, options_.control);
    } else if (context->method() == kPick || context->method() == kReport) {
      call = new UnaryCall(port_, handler_, *context, context->method() == kPick ? Pick : ReportPick);
    } else if (context->method() == kStatus) {
      port = &status_port_.port();
      call = new StatusCall(*port, *context, status_answers_);
    } else if (context->method() == kHealthCheck) {
      port = &health_port_.port();
      call = new UnaryCall(*port, handler_, *context, stopping_ ? &NotServing : &Serving);
    } else {
      for (const ControlMethod& method : kControlMethods) {
        if (context->method() != method.name) continue;
        if (!options_.control)
          return new RefusedCall({grpc::StatusCode::PERMISSION_DENIED,
                                  "this router was not started with --control, which allows probes and phases"});
        call = new UnaryCall(port_, handler_, *context, method.handle);
      }
    }
    if (call == nullptr) return new RefusedCall({grpc::StatusCode::UNIMPLEMENTED, "no such method"});
    port->Admit(*call);
    return call;
  }

 private:
  static BodyAdmissionOptions AdmissionOf(const PortLimits& limits) {
    BodyAdmissionOptions options;
    options.bodies_per_connection = limits.bodies_per_connection;
    options.bodies = limits.bodies;
    options.timeout = limits.body_timeout;
    options.waiting_per_connection = limits.streams_per_connection;
    return options;
  }
  ByteBuffer StatusNow() {
    v1::RouterStatus status;
    WriteStatus(Report(), status);
    return BufferOf(status.SerializeAsString());
  }
  // grpc.health.v1.HealthCheckResponse has one field, an enum; of any service this port knows only the router as a
  // whole.
  struct HealthReply {
    const char* bytes;
    std::string SerializeAsString() const { return std::string(bytes, 2); }
  };
  static void Serving(RouterHandler&, const ByteBuffer&, UnaryCall& call) { call.Reply(HealthReply{"\x08\x01"}); }
  static void NotServing(RouterHandler&, const ByteBuffer&, UnaryCall& call) { call.Reply(HealthReply{"\x08\x02"}); }

  const RouterServerOptions options_;
  RouterHandler& handler_;
  GrpcWorkerChannels& channels_;
  GrpcListener listener_;
  RequestPort port_;
  CheckPort status_port_, health_port_;
  StatusAnswers status_answers_;
  std::atomic<bool> stopping_{false};
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

std::unique_ptr<GrpcRouterServer> GrpcRouterServer::Make(RouterServerOptions options, RouterHandler& handler,
                                                         GrpcWorkerChannels& channels, Clock& clock,
                                                         Executor& executor) {
  return std::make_unique<RouterServer>(std::move(options), handler, channels, clock, executor);
}

}  // namespace prefixmesh
