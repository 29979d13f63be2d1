// wire.h — requests as bytes: a few prefix bytes of protobuf in front of the prompt's own slices, nothing copied.
//
// gRPC gets the slices as static memory, so a body of 80,000 bytes costs its list of slices. The field numbers are
// those of impl/wire/prefixmesh.proto (wire_test.cc parses the bytes back with the generated code). Threads: pure.
// Ownership: the corpus must outlive the buffers. Errors: ParseMessage says false. Bounds: none.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <string_view>

#include "impl/base/ids.h"
#include "impl/base/result.h"
#include "impl/base/slices.h"
#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh::load {

grpc::ByteBuffer GenerateBody(std::string_view model, Kind kind, std::uint64_t request_id, const Slices& prompt);
// `worker` empty asks about all.
grpc::ByteBuffer ProbeBody(std::string_view model, Kind kind, std::string_view worker, const Slices& prompt);

// Any small message out of a buffer.
bool ParseMessage(const grpc::ByteBuffer& buffer, google::protobuf::Message& message);

}  // namespace prefixmesh::load
