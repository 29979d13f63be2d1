#include "loadgen/drive/control.h"

#include <grpcpp/grpcpp.h>

#include "impl/wire/prefixmesh.grpc.pb.h"

namespace prefixmesh::load {

Status ControlAllowed(const std::vector<RouterAddress>& routers, Time timeout) {
  for (const RouterAddress& router : routers) {
    if (router.late) continue;
    const auto stub = v1::Router::NewStub(grpc::CreateChannel(router.address, grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + timeout);
    v1::ProbePollReply reply;
    const grpc::Status status = stub->ProbePoll(&context, v1::ProbePollRequest(), &reply);
    if (status.error_code() == grpc::StatusCode::PERMISSION_DENIED)
      return Error{ErrorCode::kUnavailable, "router " + router.name + " runs without --control"};
  }
  return {};
}

}  // namespace prefixmesh::load
