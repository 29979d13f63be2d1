#include "impl/env/real/grpc_router_server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>

#include "impl/env/real/generate_call.h"
#include "impl/env/real/request_parse.h"
#include "impl/wire/prefixmesh.grpc.pb.h"

namespace prefixmesh {
namespace {

using grpc::ByteBuffer;
using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;

grpc::Status InvalidArgument(const Error& error) { return {grpc::StatusCode::INVALID_ARGUMENT, error.message}; }

template <typename Message>
ByteBuffer Serialise(const Message& message) {
  const grpc::Slice slice(message.SerializeAsString());
  return ByteBuffer(&slice, 1);
}

// Bodies are taken raw, so that prompts are read where they lie; the small messages use the generated classes.
using RouterServiceBase = v1::Router::WithRawCallbackMethod_Generate<
    v1::Router::WithRawCallbackMethod_Probe<v1::Router::WithRawCallbackMethod_ProbeOpen<
        v1::Router::WithCallbackMethod_ProbePoll<v1::Router::WithCallbackMethod_ProbeClose<v1::Router::Service>>>>>;

class RouterService final : public RouterServiceBase {
 public:
  RouterService(RouterHandler& handler, GrpcWorkerChannels& channels) : handler_(handler), channels_(channels) {}

  grpc::ServerWriteReactor<ByteBuffer>* Generate(CallbackServerContext* context, const ByteBuffer* request) override {
    return StartGenerateCall(handler_, channels_, *context, *request);
  }

  ServerUnaryReactor* Probe(CallbackServerContext* context, const ByteBuffer* request, ByteBuffer* reply) override {
    ServerUnaryReactor* reactor = context->DefaultReactor();
    Result<ParsedRequest> parsed = ParseRequest(*request);
    if (!parsed.ok()) {
      reactor->Finish(InvalidArgument(parsed.error()));
      return reactor;
    }
    handler_.Probe({parsed->model, parsed->kind, &parsed->prompt}, parsed->worker,
                   [reactor, reply](const v1::ProbeReply& answer) {
                     *reply = Serialise(answer);
                     reactor->Finish(grpc::Status::OK);
                   });
    return reactor;
  }

  ServerUnaryReactor* ProbeOpen(CallbackServerContext* context, const ByteBuffer* request, ByteBuffer* reply) override {
    ServerUnaryReactor* reactor = context->DefaultReactor();
    Result<ParsedRequest> parsed = ParseRequest(*request);
    if (!parsed.ok()) {
      reactor->Finish(InvalidArgument(parsed.error()));
      return reactor;
    }
    v1::ProbeHandle handle;
    handle.set_handle(handler_.ProbeOpen({parsed->model, parsed->kind, &parsed->prompt}));
    *reply = Serialise(handle);
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  ServerUnaryReactor* ProbePoll(CallbackServerContext* context, const v1::ProbePollRequest* request,
                                v1::ProbePollReply* reply) override {
    ServerUnaryReactor* reactor = context->DefaultReactor();
    const auto depths = handler_.ProbePoll(request->handle(), request->worker());
    if (!depths.ok()) {
      reactor->Finish({grpc::StatusCode::NOT_FOUND, depths.error().message});
      return reactor;
    }
    reply->set_prompt_blocks(depths->first);
    reply->set_depth_blocks(depths->second);
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  ServerUnaryReactor* ProbeClose(CallbackServerContext* context, const v1::ProbeHandle* request, v1::Empty*) override {
    handler_.ProbeClose(request->handle());
    ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

 private:
  RouterHandler& handler_;
  GrpcWorkerChannels& channels_;
};

class AdminService final : public v1::RouterAdmin::CallbackService {
 public:
  explicit AdminService(RouterHandler& handler) : handler_(handler) {}

  ServerUnaryReactor* Status(CallbackServerContext* context, const v1::Empty*, v1::RouterStatus* reply) override {
    handler_.FillStatus(*reply);
    ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  ServerUnaryReactor* BeginPhase(CallbackServerContext* context, const v1::BeginPhaseRequest* request,
                                 v1::Empty*) override {
    handler_.BeginPhase(request->phase());
    ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  ServerUnaryReactor* Positions(CallbackServerContext* context, const v1::Empty*, v1::SyncPositions* reply) override {
    ServerUnaryReactor* reactor = context->DefaultReactor();
    handler_.Positions([reactor, reply](const v1::SyncPositions& positions) {
      *reply = positions;
      reactor->Finish(grpc::Status::OK);
    });
    return reactor;
  }

 private:
  RouterHandler& handler_;
};

}  // namespace

class GrpcRouterServer::Impl {
 public:
  Impl(RouterServerOptions options, RouterHandler& handler, GrpcWorkerChannels& channels)
      : options_(std::move(options)), router_service_(handler, channels), admin_service_(handler) {}

  Result<int> Start() {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort(options_.listen, grpc::InsecureServerCredentials(), &port);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.SetMaxReceiveMessageSize(static_cast<int>(options_.message_bytes));
    builder.RegisterService(&router_service_);
    builder.RegisterService(&admin_service_);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port == 0)
      return Error{ErrorCode::kUnavailable, "address " + options_.listen + " cannot be bound: is the port in use?"};
    return port;
  }

  void Shutdown(Time grace) {
    if (server_ == nullptr) return;
    if (auto* health = server_->GetHealthCheckService()) health->SetServingStatus(false);
    server_->Shutdown(std::chrono::system_clock::now() + grace);
    server_->Wait();
    server_ = nullptr;
  }

 private:
  const RouterServerOptions options_;
  RouterService router_service_;
  AdminService admin_service_;
  std::unique_ptr<grpc::Server> server_;
};

GrpcRouterServer::GrpcRouterServer(RouterServerOptions options, RouterHandler& handler, GrpcWorkerChannels& channels)
    : impl_(std::make_unique<Impl>(std::move(options), handler, channels)) {}
GrpcRouterServer::~GrpcRouterServer() = default;
Result<int> GrpcRouterServer::Start() { return impl_->Start(); }
void GrpcRouterServer::Shutdown(Time grace) { impl_->Shutdown(grace); }

}  // namespace prefixmesh
