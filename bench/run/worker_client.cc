#include "bench/run/worker_client.h"

#include <grpcpp/grpcpp.h>

#include <chrono>

#include "impl/wire/prefixmesh.grpc.pb.h"

namespace prefixmesh::bench {
namespace {

constexpr auto kDeadline = std::chrono::seconds(1);
constexpr int kReconnectMs = 20;

std::shared_ptr<grpc::Channel> ChannelTo(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kReconnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMs);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // those of others wait longer
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

class GrpcWorkerClient final : public WorkerClient {
 public:
  explicit GrpcWorkerClient(const std::string& address) : stub_(v1::Worker::NewStub(ChannelTo(address))) {}

  Status ReadStatus(v1::WorkerStatus& status) override { return Call(&v1::Worker::Stub::Status, v1::Empty(), status); }
  Status ReadSample(v1::SampledBlocks& sample) override { return Call(&v1::Worker::Stub::Sample, v1::Empty(), sample); }
  Status ClearCache() override {
    v1::Empty reply;
    return Call(&v1::Worker::Stub::ClearCache, v1::Empty(), reply);
  }
  Status Restart(std::uint32_t down_ms) override {
    v1::RestartRequest request;
    request.set_down_ms(down_ms);
    v1::Empty reply;
    return Call(&v1::Worker::Stub::Restart, request, reply);
  }

 private:
  template <typename Request, typename Reply>
  Status Call(grpc::Status (v1::Worker::Stub::*method)(grpc::ClientContext*, const Request&, Reply*),
              const Request& request, Reply& reply) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kDeadline);
    const grpc::Status status = ((*stub_).*method)(&context, request, &reply);
    return status.ok() ? Status() : Error{ErrorCode::kUnavailable, status.error_message()};
  }

  const std::unique_ptr<v1::Worker::Stub> stub_;
};

}  // namespace

std::unique_ptr<WorkerClient> WorkerClient::Make(const std::string& address) {
  return std::make_unique<GrpcWorkerClient>(address);
}

}  // namespace prefixmesh::bench
