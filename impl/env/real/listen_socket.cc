#include "impl/env/real/listen_socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>

namespace prefixmesh {
namespace {

constexpr int kBacklog = 1024;

constexpr const char* kLocalhost = "localhost";

// nullopt: `reason` says why.
std::optional<ListenSocket> ListenAt(const addrinfo& at, int& reason) {
  ListenSocket socket;
  socket.fd = ::socket(at.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket.fd < 0) {
    reason = errno;
    return std::nullopt;
  }
  const int on = 1;
  setsockopt(socket.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  if (bind(socket.fd, at.ai_addr, at.ai_addrlen) != 0 || listen(socket.fd, kBacklog) != 0 ||
      getsockname(socket.fd, reinterpret_cast<sockaddr*>(&bound), &length) != 0) {
    reason = errno;
    close(socket.fd);
    return std::nullopt;
  }
  socket.port = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(bound).sin6_port
                                                  : reinterpret_cast<const sockaddr_in&>(bound).sin_port);
  return socket;
}

}  // namespace

Result<HostPort> ParseHostPort(const std::string& address) {
  const Error malformed{ErrorCode::kInvalid, "'" + address + "' is not HOST:PORT with a port up to 65535"};
  const auto colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) return malformed;
  HostPort parsed;
  parsed.host = address.substr(0, colon);
  if (parsed.host.front() == '[' && parsed.host.back() == ']') {
    parsed.host = parsed.host.substr(1, parsed.host.size() - 2);
  } else if (parsed.host.find(':') != std::string::npos) {
    return malformed;
  }
  unsigned port = 0;
  const char* end = address.data() + address.size();
  const auto [rest, error] = std::from_chars(address.data() + colon + 1, end, port);
  if (error != std::errc() || rest != end || port > 65535 || parsed.host.empty()) return malformed;
  parsed.port = static_cast<std::uint16_t>(port);
  return parsed;
}

bool IsLoopback(const std::string& host) {
  in_addr v4{};
  in6_addr v6{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  if (inet_pton(AF_INET6, host.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  return host == kLocalhost;
}

Result<ListenSocket> ListenOn(const std::string& address) {
  const Result<HostPort> parsed = ParseHostPort(address);
  if (!parsed.ok()) return parsed.error();
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* raw = nullptr;
  const std::string host = parsed->host == kLocalhost ? "127.0.0.1" : parsed->host;
  if (const int failed = getaddrinfo(host.c_str(), std::to_string(parsed->port).c_str(), &hints, &raw))
    return Error{ErrorCode::kUnavailable, "cannot listen on " + address + ": " + gai_strerror(failed)};
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> found(raw, freeaddrinfo);
  int first_reason = 0;
  for (const addrinfo* at = found.get(); at != nullptr; at = at->ai_next) {  // the first that this machine has
    int reason = 0;
    if (const std::optional<ListenSocket> socket = ListenAt(*at, reason)) return *socket;
    if (first_reason == 0) first_reason = reason;
  }
  return Error{ErrorCode::kUnavailable, "cannot listen on " + address + ": " + std::strerror(first_reason)};
}

}  // namespace prefixmesh
