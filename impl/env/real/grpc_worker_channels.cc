#include "impl/env/real/grpc_worker_channels.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>

#include "impl/wire/prefixmesh.grpc.pb.h"

namespace prefixmesh {
namespace {

// What gRPC may hold of one worker's replies: it takes a message whole before it compares its size with the limit.
constexpr std::size_t kReceivedBytesMax = 64u << 20;

}  // namespace

void GrpcWorkerChannels::Add(WorkerIndex worker, const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(1 << 20);
  arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);  // nothing is inflated for a worker
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  grpc::ResourceQuota quota("worker");
  arguments.SetResourceQuota(quota.Resize(kReceivedBytesMax));
  if (channels_.size() <= worker.value) channels_.resize(worker.value + std::size_t{1});
  channels_[worker.value] = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

void GrpcWorkerChannels::Hello(WorkerIndex worker, const std::string& router, Incarnation registered, Time timeout,
                               std::function<void(Result<WorkerGreeting>)> done) {
  struct Call {
    grpc::ClientContext context;
    v1::HelloRequest request;
    v1::HelloReply reply;
  };
  auto call = std::make_shared<Call>();
  call->request.set_router(router);
  call->request.set_registered_incarnation(registered.value);
  call->context.set_deadline(std::chrono::system_clock::now() + timeout);
  v1::Worker::Stub stub(channels_.at(worker.value));
  stub.async()->Hello(&call->context, &call->request, &call->reply, [call, done](const grpc::Status& status) {
    if (!status.ok()) return done(Error{ErrorCode::kUnavailable, status.error_message()});
    WorkerGreeting greeting{call->reply.worker(), Incarnation{call->reply.incarnation()}, {}};
    greeting.models.assign(call->reply.models().begin(), call->reply.models().end());
    done(std::move(greeting));
  });
}

}  // namespace prefixmesh
