// request_parse.h — a request as gRPC delivers it, read in place (impl/wire/request_view.h).
// Threads: any, no state. Ownership: the prompt borrows the ByteBuffer's slices, which `slices` keeps alive. Errors and
// bounds: those of ViewRequest.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <vector>

#include "impl/wire/request_view.h"

namespace prefixmesh {

struct ParsedRequest : RequestView {
  std::vector<grpc::Slice> slices;
};

Result<ParsedRequest> ParseRequest(const grpc::ByteBuffer& buffer);

}  // namespace prefixmesh
