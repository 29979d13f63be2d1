#include "bench/process/ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace prefixmesh::bench {

Result<ReservedPorts> ReservedPorts::Reserve(std::size_t count, std::uint16_t first) {
  ReservedPorts reserved;
  for (std::size_t i = 0; i < count; ++i) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return Error{ErrorCode::kExhausted, "no socket for a port"};
    reserved.sockets_.push_back(fd);
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(first == 0 ? 0 : first + i));
    socklen_t size = sizeof(address);
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
        getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      return Error{ErrorCode::kExhausted,
                   first == 0 ? "no free port on 127.0.0.1" : "127.0.0.1:" + std::to_string(first + i) + " is in use"};
    reserved.ports_.push_back(ntohs(address.sin_port));
  }
  return reserved;
}

ReservedPorts::~ReservedPorts() {
  for (const int fd : sockets_) close(fd);
}

}  // namespace prefixmesh::bench
