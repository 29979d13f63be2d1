// refused_call.h — a streamed call to a worker that ends at once with an error.
//
// Threads: any. Ownership: gRPC's until OnDone, where it deletes itself. Errors: the status it is given. Bounds: none
// needed, it keeps nothing. Time: none.
#pragma once

#include <grpcpp/grpcpp.h>

namespace prefixmesh::load {

template <typename Message>
class RefusedCall final : public grpc::ServerWriteReactor<Message> {
 public:
  explicit RefusedCall(const grpc::Status& status) { this->Finish(status); }
  void OnDone() override { delete this; }
};

}  // namespace prefixmesh::load
