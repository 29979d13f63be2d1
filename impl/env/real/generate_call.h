// generate_call.h — one inference request in flight: client → router → worker and the replies back.
//
//   client ──request──► router ──same bytes──► worker
//   client ◄─Routed───  router
//   client ◄─first────  router ◄──first token── worker      replies are forwarded one at a time:
//   client ◄─last─────  router ◄──last──────── worker      read, write, read …: nothing queues here
//
// Threads: gRPC's; one mutex per call. Ownership: deletes itself when both halves are done.
#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <optional>

#include "impl/base/mutex.h"
#include "impl/env/real/grpc_worker_channels.h"
#include "impl/env/real/router_handler.h"

namespace prefixmesh {

// Starts the call and returns the reactor for the server side.
grpc::ServerWriteReactor<grpc::ByteBuffer>* StartGenerateCall(RouterHandler& handler, GrpcWorkerChannels& channels,
                                                              grpc::CallbackServerContext& context,
                                                              const grpc::ByteBuffer& request);

}  // namespace prefixmesh
