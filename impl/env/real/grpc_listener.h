// grpc_listener.h — accepts the connections of a gRPC server itself, bounds them, and reads them before gRPC does.
//
// gRPC 1.51 accepts whatever comes until the process has no descriptor left, and holds whatever a client sends. Here a
// newcomer above limits.connections is closed at once, and one above limits.connections_per_second waits for its turn;
// who leaves before it costs gRPC nothing. Newcomers wait, too, while connections leave with many calls that have not
// ended: gRPC has to let go of those. Then gRPC gets one end of a socket pair: what the client sends passes a gate
// (gated_connection.h). A connection that is refused is closed, counted by reason, and
// logged once in ten seconds per reason.
//
//   Bind(listen, limits, builder)   before BuildAndStart
//   Start()                         after it
//   StopAccepting(grace)            before the server is shut down: newcomers are refused by the kernel; what is still
//                                   connected a second after the grace is closed, so that gRPC need not wait for
//                                   clients that do not read
//   Stop()                          after it: what the server sent goes out, for a second at most
//
// Threads:  one of its own that accepts and relays; BodyBytes and Refusals from any. Bounds: limits.connections at a
//           time, two descriptors each. Ownership: gRPC owns its end of each pair. Errors: Bind says in one line what
//           the system said.
#pragma once

#include <grpcpp/server_builder.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>

#include "impl/base/log_limiter.h"
#include "impl/base/mutex.h"
#include "impl/base/result.h"
#include "impl/env/env.h"
#include "impl/env/pace.h"
#include "impl/env/real/gated_connection.h"
#include "impl/env/real/listen_socket.h"
#include "impl/env/real/port_limits.h"

namespace prefixmesh {

class GrpcListener {
 public:
  GrpcListener();
  ~GrpcListener();

  // The port that was taken.
  Result<std::uint16_t> Bind(const std::string& listen, const PortLimits& limits, grpc::ServerBuilder& builder);
  void Start();
  // Both idempotent. After the first gRPC gets no more connections: those that it is given while it shuts down it
  // leaks.
  void StopAccepting(Time grace);
  void Stop();

  // What gRPC was given of bodies by the connection that it names `peer`. nullopt: there is none.
  std::optional<std::uint64_t> BodyBytes(const std::string& peer) const;
  // Connections that were closed by this end, by reason: too many, or a GateRefusal.
  std::map<std::string, std::uint64_t> Refusals() const;

 private:
  struct Client {
    Client(std::string client_address, std::string client_peer, int tcp, int pair, int epoll, std::uint64_t key,
           PortGate& port, Time answer_timeout)
        : address(std::move(client_address)),
          peer(std::move(client_peer)),
          connection(tcp, pair, epoll, key, port, answer_timeout) {}
    const std::string address, peer;  // of the client; as gRPC names it
    GatedConnection connection;
    Time wake_at{0};  // its place in wake_; 0: none
  };

  struct Newcomer {
    int tcp;
    std::string address;
  };

  void Run();
  void AcceptSome();
  void HandOverSome();
  void HandOver(std::uint64_t key, const Newcomer& newcomer);
  void Refuse(std::size_t reason, const std::string& line);
  void ReturnMemorySoon();
  void CloseListenSocket();
  // Lets a connection do what `step` says, and ends it where it is over.
  template <typename Step>
  void Advance(std::uint64_t key, Step step);

  std::uint32_t salt_ = 0;  // of the names of pairs, which another process must not guess
  std::string address_;
  PortLimits limits_;
  ListenSocket socket_;
  int wake_fd_ = -1;  // an eventfd: something was set below
  std::atomic<bool> accepting_{true}, stopping_{false};
  Time grace_{0};  // set before accepting_ is
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::array<std::atomic<std::uint64_t>, kGateRefusals> refused_{};  // by GateRefusal; kNone: too many

  // ---- the thread's
  int epoll_ = -1;
  std::unique_ptr<PortGate> gate_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Client>> clients_;  // by key, an even number
  std::set<std::pair<Time, std::uint64_t>> wake_;
  std::uint64_t last_key_ = 0;
  Time now_{0};
  std::map<std::uint64_t, Newcomer> newcomers_;  // by key, of the same numbers; the oldest first
  std::optional<Pace> hand_over_pace_;
  Pace left_calls_;  // that had not ended when their connection did
  Time hand_over_at_{0};
  std::optional<Time> return_memory_at_;  // connections were refused, or had many calls
  std::optional<Time> accept_again_at_;   // there was no descriptor left
  std::unique_ptr<GatedConnection::Scratch> scratch_;
  LogLimiter log_;

  mutable Mutex mutex_;
  std::map<std::string, const GatedConnection*> by_peer_ PREFIXMESH_GUARDED_BY(mutex_);
  bool listening_ PREFIXMESH_GUARDED_BY(mutex_) = true;
  CondVar not_listening_;
  std::thread thread_;
};

}  // namespace prefixmesh
