// grpc_router_server.h — the request side of a router over gRPC: Generate, picks, status and health, and for the suite
// the probes and phases, on one port, callback API.
//
// Every method is served generically, so that each call is taken at its headers and its body read within bounds
// (request_port.h). A request's body stays in the slices it arrived in: it is hashed in place, forwarded to the worker
// byte for byte, and freed when the worker has answered. Status and health are ports of their own within the port, so
// that who asks for them takes nothing from requests (shared_answer.h).
//
// Threads: gRPC's; the executor for a Status that waits. Bounds: port_limits.h, request_port.h. Ownership: borrows
// handler, channels, clock and executor; Shutdown before the first two go, and no task of the executor runs after this
// is gone. Errors: Start says what is wrong in one line.
#pragma once

#include <memory>
#include <string>

#include "impl/base/result.h"
#include "impl/env/real/grpc_worker_channels.h"
#include "impl/env/real/port_limits.h"
#include "impl/env/real/router_handler.h"

namespace prefixmesh {

struct RouterServerOptions {
  std::string listen;  // host:port; port 0 picks one
  PortLimits limits;
  // Serves probes, phases and positions, and sends a placement's worker at once to who asks (generate_call.h). They
  // reset figures and read what the index holds: for measuring, not for a port that strangers reach.
  bool control = false;
};

class GrpcRouterServer {
 public:
  static std::unique_ptr<GrpcRouterServer> Make(RouterServerOptions options, RouterHandler& handler,
                                                GrpcWorkerChannels& channels, Clock& clock, Executor& executor);
  virtual ~GrpcRouterServer() = default;

  // Binds and serves. Returns the port.
  virtual Result<int> Start() = 0;
  // What the router says of itself, as its Status does. Any thread.
  virtual RouterReport Report() = 0;
  // Health goes to NOT_SERVING; what is in flight may finish for `grace`.
  virtual void Shutdown(Time grace) = 0;
};

}  // namespace prefixmesh
