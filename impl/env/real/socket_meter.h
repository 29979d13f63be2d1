// socket_meter.h — counts the bytes of this process's TCP connections on given ports, as the kernel counts them.
//
// gRPC does not show its sockets, so the process's own descriptors are listed and those with a matching local or remote
// port are asked for TCP_INFO (tcpi_bytes_sent includes retransmissions). A connection that closed keeps what was last
// seen of it. Threads: one at a time. Bounds: an entry for each open connection. Errors: what cannot be read counts as
// nothing.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace prefixmesh {

class SocketMeter {
 public:
  struct Totals {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
  };
  // Of all connections ever seen that are on one of `ports`, at either end.
  Totals Sample(const std::set<std::uint16_t>& ports);

 private:
  Totals closed_;
  std::map<std::uint64_t, Totals> open_;  // by inode
};

// What the kernel has received on single connections that this process dialed, for a few that are under suspicion.
// Threads: one at a time. Bounds: an entry for each connection that Keep names. Errors: nullopt for a connection that
// cannot be found.
class ConnectionMeter {
 public:
  // `peer` is the other end as gRPC names it: ipv4:1.2.3.4:5 or ipv6:%5B::1%5D:5.
  std::optional<std::uint64_t> Received(const std::string& peer);
  // Forgets all other connections.
  void Keep(const std::set<std::string>& peers);

 private:
  struct Socket {
    int fd = -1;
    std::uint64_t inode = 0;
  };
  void Find();

  std::map<std::string, Socket> sockets_;
};

}  // namespace prefixmesh
