#include "impl/env/real/grpc_listener.h"

#include <grpcpp/grpcpp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "impl/env/real/real_env.h"

namespace prefixmesh {
namespace {

// Between two looks at which connections are gone.
constexpr Time kLookEvery = std::chrono::milliseconds(20);

// 0: it is none of this process's any more.
std::uint64_t InodeOf(int fd) {
  struct stat status {};
  return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

}  // namespace

GrpcListener::GrpcListener() = default;

GrpcListener::~GrpcListener() {
  Stop();
  if (socket_.fd >= 0) close(socket_.fd);
  if (wake_ >= 0) close(wake_);
}

Result<std::uint16_t> GrpcListener::Bind(const std::string& listen, const PortLimits& limits,
                                         grpc::ServerBuilder& builder) {
  const Result<ListenSocket> socket = ListenOn(listen);
  if (!socket.ok()) return socket.error();
  socket_ = *socket;
  address_ = listen;
  // As on the sockets that gRPC makes itself: a small message does not wait for the acknowledgement of the one before.
  // What is accepted inherits it.
  const int on = 1;
  setsockopt(socket_.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  connections_max_ = limits.connections;
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  using Acceptors = grpc::ServerBuilder::experimental_type;
  acceptor_ = Acceptors(&builder).AddExternalConnectionAcceptor(Acceptors::ExternalConnectionType::FROM_FD,
                                                                grpc::InsecureServerCredentials());
  return socket_.port;
}

void GrpcListener::Start() {
  thread_ = std::thread([this] { Run(); });
}

void GrpcListener::Stop() {
  if (!thread_.joinable()) return;
  eventfd_write(wake_, 1);
  thread_.join();
}

void GrpcListener::Run() {
  pollfd waiting[] = {{socket_.fd, POLLIN, 0}, {wake_, POLLIN, 0}};
  while (true) {
    if (poll(waiting, 2, -1) < 0 && errno != EINTR) return;
    if (waiting[1].revents != 0) return;
    while (true) {
      const int fd = accept4(socket_.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        Accept(fd);
        continue;
      }
      if (errno == EINTR || errno == ECONNABORTED) continue;
      // Out of descriptors: the newcomer stays in the kernel's queue until there is one.
      if (errno != EAGAIN && errno != EWOULDBLOCK) poll(&waiting[1], 1, 50);
      break;
    }
  }
}

void GrpcListener::Accept(int fd) {
  if (open_.size() >= connections_max_ && RealClock().Now() >= look_again_at_) {
    std::erase_if(open_, [](const Connection& connection) { return InodeOf(connection.fd) != connection.inode; });
    look_again_at_ = RealClock().Now() + kLookEvery;
  }
  if (open_.size() >= connections_max_) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    close(fd);
    if (const auto held_back = log_.Allow("", RealClock().Now()))
      spdlog::warn("{}: a connection above {} was closed{}", address_, connections_max_, HeldBackNote(*held_back));
    return;
  }
  open_.push_back({fd, InodeOf(fd)});
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
  connection.listener_fd = socket_.fd;
  connection.fd = fd;
  acceptor_->HandleNewConnection(&connection);
}

}  // namespace prefixmesh
