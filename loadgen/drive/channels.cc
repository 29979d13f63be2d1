#include "loadgen/drive/channels.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>

#include "impl/env/real/listen_socket.h"

namespace prefixmesh::load {
namespace {

// Why gRPC got no connection: what the system says of a plain one.
std::string WhyNot(const std::string& address) {
  const Result<HostPort> parsed = ParseHostPort(address);
  if (!parsed.ok()) return ": " + parsed.error().message;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* raw = nullptr;
  if (const int failed = getaddrinfo(parsed->host.c_str(), std::to_string(parsed->port).c_str(), &hints, &raw))
    return std::string(" does not accept connections: ") + gai_strerror(failed);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> found(raw, freeaddrinfo);
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval timeout{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  const bool connected = fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) == 0;
  const int reason = errno;
  if (fd >= 0) close(fd);
  if (!connected) return std::string(" does not accept connections: ") + std::strerror(reason);
  return " accepts connections, but not as gRPC: the load speaks this project's gRPC to prefixmesh-router, no HTTP";
}

}  // namespace

Result<std::vector<std::shared_ptr<grpc::Channel>>> ConnectRouters(const std::vector<RouterAddress>& routers,
                                                                   Time timeout) {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (const RouterAddress& router : routers) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 200);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
    channels.push_back(grpc::CreateCustomChannel(router.address, grpc::InsecureChannelCredentials(), arguments));
    if (!router.late) channels.back()->GetState(true);
  }
  const auto deadline = std::chrono::system_clock::now() + timeout;
  for (std::size_t i = 0; i < routers.size(); ++i) {
    if (!routers[i].late && !channels[i]->WaitForConnected(deadline)) {
      return Error{ErrorCode::kUnavailable,
                   "router " + routers[i].name + " at " + routers[i].address + WhyNot(routers[i].address)};
    }
  }
  return channels;
}

}  // namespace prefixmesh::load
