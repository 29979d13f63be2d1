// socket_meter.h — counts the bytes of this process's TCP connections on given ports, as the kernel counts them.
//
// gRPC does not show its sockets, so the process's own descriptors are listed and those with a matching local or remote
// port are asked for TCP_INFO (tcpi_bytes_sent includes retransmissions). A connection that closed keeps what was last
// seen of it. Threads: one at a time. Errors: what cannot be read counts as nothing.
#pragma once

#include <cstdint>
#include <map>
#include <set>

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
  std::map<std::uint64_t, Totals> by_inode_;
};

}  // namespace prefixmesh
