// grpc_listener.h — accepts the connections of a gRPC server itself, so that there is a bound on them.
//
// gRPC 1.51 accepts whatever comes until the process has no descriptor left, for a request's worker as well. Here a
// newcomer above limits.connections is closed at once, counted, and logged once in ten seconds.
//
//   Bind(listen, limits, builder)   before BuildAndStart
//   Start()                         after it
//   Stop()                          before the server is shut down
//
// Threads:  one of its own that accepts. Bounds: limits.connections at a time; connections that gRPC has closed are
//           noticed when the bound is reached, 50 times a second at most. Ownership: a connection's socket belongs to
//           gRPC once it is handed over.
// Errors:   Bind says in one line what the system said.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "impl/base/log_limiter.h"
#include "impl/base/result.h"
#include "impl/env/env.h"
#include "impl/env/real/listen_socket.h"
#include "impl/env/real/port_limits.h"

namespace grpc {
namespace experimental {
class ExternalConnectionAcceptor;
}
}  // namespace grpc

namespace prefixmesh {

class GrpcListener {
 public:
  GrpcListener();
  ~GrpcListener();

  // The port that was taken.
  Result<std::uint16_t> Bind(const std::string& listen, const PortLimits& limits, grpc::ServerBuilder& builder);
  void Start();
  // Idempotent.
  void Stop();

  // Connections that were closed because there were too many.
  std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  struct Connection {
    int fd;
    std::uint64_t inode;
  };
  void Run();
  void Accept(int fd);

  std::string address_;
  std::uint32_t connections_max_ = 0;
  ListenSocket socket_;
  int wake_ = -1;  // an eventfd: Stop was called
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::vector<Connection> open_;  // the accepting thread's; some may be closed by now
  Time look_again_at_{0};         // the accepting thread's: when it asks next which are closed
  LogLimiter log_;                // the accepting thread's
  std::atomic<std::uint64_t> refused_{0};
  std::thread thread_;
};

}  // namespace prefixmesh
