// grpc_router_server.h — the request side of a router over gRPC: Generate, the probes, administration, health and
// reflection, on one port, callback API.
//
// A request's body stays in the slices it arrived in: it is hashed in place, forwarded to the worker byte for byte, and
// freed as soon as the worker's transport has it.
//
// Threads: gRPC's. Bounds: messages of options.message_bytes (RESOURCE_EXHAUSTED beyond). Ownership: borrows handler
// and channels; Shutdown before they go. Errors: Start says what is wrong in one line.
#pragma once

#include <memory>
#include <string>

#include "impl/base/result.h"
#include "impl/env/real/grpc_worker_channels.h"
#include "impl/env/real/router_handler.h"

namespace prefixmesh {

struct RouterServerOptions {
  std::string listen;  // host:port; port 0 picks one
  std::size_t message_bytes = 16u << 20;
};

class GrpcRouterServer {
 public:
  GrpcRouterServer(RouterServerOptions options, RouterHandler& handler, GrpcWorkerChannels& channels);
  ~GrpcRouterServer();

  // Binds and serves. Returns the port.
  Result<int> Start();
  // Health goes to NOT_SERVING; what is in flight may finish for `grace`.
  void Shutdown(Time grace);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace prefixmesh
