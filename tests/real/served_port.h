// served_port.h — a gRPC server behind the listener of a port, with a service of a test's own.
#pragma once

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "impl/env/real/grpc_library.h"
#include "impl/env/real/grpc_limits.h"
#include "impl/env/real/grpc_listener.h"

namespace prefixmesh::test {

struct UnservedCall final : grpc::ServerGenericBidiReactor {
  UnservedCall() { Finish(grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "nothing is served")); }
  void OnDone() override { delete this; }
};

// Service: a grpc::CallbackGenericService that is made with the listener.
template <typename Service>
struct ServedPort {
  explicit ServedPort(const PortLimits& limits, const std::string& listen = "127.0.0.1:0") {
    SetUpGrpc();
    grpc::ServerBuilder builder;
    const Result<std::uint16_t> bound = listener.Bind(listen, limits, builder);
    REQUIRE(bound.ok());
    port = *bound;
    ApplyPortLimits(limits, 1 << 20, builder);
    builder.RegisterCallbackGenericService(&service);
    server = builder.BuildAndStart();
    listener.Start();
  }
  ~ServedPort() { End(Time{0}); }
  void End(Time grace) {
    if (server == nullptr) return;
    listener.StopAccepting(grace);
    server->Shutdown(std::chrono::system_clock::now() + grace);
    server->Wait();
    listener.Stop();
    server = nullptr;
  }
  std::uint16_t port = 0;
  GrpcListener listener;
  Service service{listener};
  std::unique_ptr<grpc::Server> server;
};

}  // namespace prefixmesh::test
