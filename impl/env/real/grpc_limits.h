// grpc_limits.h — the limits of a port (port_limits.h), put on a gRPC server or client.
// Threads: any. Ownership: borrows for the call. Errors: none.
#pragma once

#include <grpcpp/server_builder.h>
#include <grpcpp/support/channel_arguments.h>

#include <cstddef>

#include "impl/env/real/port_limits.h"

namespace prefixmesh {

// Compressed messages are refused: gRPC would inflate them before any limit of ours.
void ApplyPortLimits(const PortLimits& limits, std::size_t message_bytes, grpc::ServerBuilder& builder);
// What a client takes from a server that it does not trust: messages of `message_bytes`, none that is compressed.
void ApplyClientLimits(const PortLimits& limits, std::size_t message_bytes, grpc::ChannelArguments& arguments);

}  // namespace prefixmesh
