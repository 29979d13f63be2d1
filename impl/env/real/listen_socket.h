// listen_socket.h — a bound, listening TCP socket for HOST:PORT, or why there is none.
//
// Threads: any. Ownership: the caller closes `fd`. Errors: kInvalid for an address that is none, kUnavailable with the
// system's own reason (in use, not of this machine, too many open files). Time: a host name may be looked up; numbers
// and localhost (127.0.0.1, whatever the resolver says) are not.
#pragma once

#include <cstdint>
#include <string>

#include "impl/base/result.h"

namespace prefixmesh {

struct ListenSocket {
  int fd = -1;             // non-blocking
  std::uint16_t port = 0;  // the one that was taken when 0 was asked for
};

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};

// HOST:PORT, or [HOST]:PORT for an address with colons. The port is a number up to 65535.
Result<HostPort> ParseHostPort(const std::string& address);
// True for 127.0.0.0/8, ::1 and localhost.
bool IsLoopback(const std::string& host);
Result<ListenSocket> ListenOn(const std::string& address);

}  // namespace prefixmesh
