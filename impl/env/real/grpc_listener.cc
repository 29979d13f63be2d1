#include "impl/env/real/grpc_listener.h"

#include <arpa/inet.h>
#include <grpcpp/grpcpp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "impl/env/real/process.h"
#include "impl/env/real/real_env.h"

namespace prefixmesh {
namespace {

// What the server has sent before it ended goes out within this time.
constexpr Time kConnectionsEndTimeout = std::chrono::seconds(1);
// gRPC has let go of a connection that was closed by then; the allocator keeps what it took in pieces.
constexpr Time kReturnMemoryAfter = std::chrono::seconds(5);
constexpr Time kAcceptAgain = std::chrono::milliseconds(50);
constexpr int kEventsMax = 64;
// Connections that may come at once after a pause: clients that come back together.
constexpr std::uint64_t kHandOverBurst = 256;
// Calls that connections may leave behind: about a tenth of what makes a core busy. At once, those of a few busy
// clients.
constexpr std::uint64_t kLeftCallsPerSecond = 400, kLeftCallsBurst = 1024;
// What gRPC took for so many calls of a connection, in small pieces, is worth giving back when it ends.
constexpr std::uint32_t kManyCalls = 1000;
constexpr std::uint64_t kListenKey = 0, kWakeKey = 1;

const char* TextOf(GateRefusal refusal) {
  switch (refusal) {
    case GateRefusal::kNone:
      break;
    case GateRefusal::kPreface:
      return "it does not speak HTTP/2";
    case GateRefusal::kFrame:
      return "a frame that HTTP/2 does not allow here";
    case GateRefusal::kHeadersTooBig:
      return "headers above the limit";
    case GateRefusal::kHeadersCorrupt:
      return "headers that do not parse";
    case GateRefusal::kEmptyFrames:
      return "too many frames that carry nothing";
    case GateRefusal::kUntaken:
      return "it does not take what it is sent";
  }
  return "";
}

std::string AddressText(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return "[" + std::string(text) + "]:" + std::to_string(ntohs(v6.sin6_port));
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
  inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
  return std::string(text) + ":" + std::to_string(ntohs(v4.sin_port));
}

// What gRPC calls a client whose pair has this name: a URI, in which brackets are escaped.
std::string PeerOf(const std::string& name) {
  std::string peer = "unix-abstract:";
  for (const char c : name) {
    if (c == '[' || c == ']') {
      peer += c == '[' ? "%5B" : "%5D";
    } else {
      peer += c;
    }
  }
  return peer;
}

void Add(int epoll, int fd, std::uint64_t key, std::uint32_t events = EPOLLIN) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = key;
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

struct NamedPair {
  int ours = -1, grpcs = -1;
};

// A pair of sockets whose one end has a name, by which gRPC tells connections apart. Invalid: no descriptor is left.
NamedPair MakePair(const std::string& name) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) return {};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;  // and a name that begins with a zero, which no file has
  const std::size_t size = std::min(name.size(), sizeof address.sun_path - 1);
  std::memcpy(address.sun_path + 1, name.data(), size);
  if (bind(pair[0], reinterpret_cast<const sockaddr*>(&address),
           static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + size)) == 0)
    return {pair[0], pair[1]};
  close(pair[0]);
  close(pair[1]);
  return {};
}

}  // namespace

GrpcListener::GrpcListener() : left_calls_(kLeftCallsPerSecond, kLeftCallsBurst) {}

GrpcListener::~GrpcListener() {
  Stop();
  CloseListenSocket();
  if (wake_fd_ >= 0) close(wake_fd_);
  if (epoll_ >= 0) close(epoll_);
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
  limits_ = limits;
  hand_over_pace_.emplace(limits.connections_per_second, kHandOverBurst);
  gate_ = std::make_unique<PortGate>(limits.gate());
  scratch_ = std::make_unique<GatedConnection::Scratch>();
  wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (wake_fd_ < 0 || epoll_ < 0 || getrandom(&salt_, sizeof salt_, 0) != sizeof salt_)
    return Error{ErrorCode::kUnavailable, "cannot serve " + listen + ": " + std::strerror(errno)};
  Add(epoll_, socket_.fd, kListenKey);
  Add(epoll_, wake_fd_, kWakeKey);
  using Acceptors = grpc::ServerBuilder::experimental_type;
  acceptor_ = Acceptors(&builder).AddExternalConnectionAcceptor(Acceptors::ExternalConnectionType::FROM_FD,
                                                                grpc::InsecureServerCredentials());
  return socket_.port;
}

void GrpcListener::Start() {
  thread_ = std::thread([this] { Run(); });
}

void GrpcListener::StopAccepting(Time grace) {
  if (!thread_.joinable()) return;
  if (accepting_) {
    grace_ = grace;
    accepting_ = false;
  }
  eventfd_write(wake_fd_, 1);
  MutexLock lock(mutex_);
  while (listening_) not_listening_.Wait(mutex_);
}

void GrpcListener::Stop() {
  if (!thread_.joinable()) return;
  StopAccepting(Time{0});
  stopping_ = true;
  eventfd_write(wake_fd_, 1);
  thread_.join();
}

std::optional<std::uint64_t> GrpcListener::BodyBytes(const std::string& peer) const {
  MutexLock lock(mutex_);
  const auto at = by_peer_.find(peer);
  return at == by_peer_.end() ? std::nullopt : std::optional(at->second->body_bytes());
}

std::map<std::string, std::uint64_t> GrpcListener::Refusals() const {
  std::map<std::string, std::uint64_t> refusals;
  for (std::size_t i = 0; i < refused_.size(); ++i)
    refusals[i == 0 ? "too_many" : GateRefusalName(static_cast<GateRefusal>(i))] =
        refused_[i].load(std::memory_order_relaxed);
  return refusals;
}

// ---- the thread -----------------------------------------------------------------------------------------------------

void GrpcListener::Run() {
  std::array<epoll_event, kEventsMax> events;
  std::optional<Time> end_at;
  while (true) {
    now_ = RealClock().Now();
    if (!accepting_ && !end_at) end_at = now_ + grace_ + kConnectionsEndTimeout;
    if (stopping_) end_at = std::min(*end_at, now_ + kConnectionsEndTimeout);
    if (end_at && (clients_.empty() || now_ >= *end_at)) break;
    std::optional<Time> next = end_at;
    const auto sooner = [&next](Time at) { next = next ? std::min(*next, at) : at; };
    if (!wake_.empty()) sooner(wake_.begin()->first);
    if (accept_again_at_) sooner(*accept_again_at_);
    if (!newcomers_.empty()) sooner(hand_over_at_);
    if (return_memory_at_) sooner(*return_memory_at_);
    int timeout_ms = -1;
    if (next) timeout_ms = static_cast<int>(std::max<std::int64_t>((*next - now_).count() + 999999, 0) / 1000000);
    const int ready = epoll_wait(epoll_, events.data(), kEventsMax, timeout_ms);
    if (ready < 0 && errno != EINTR) break;
    now_ = RealClock().Now();
    if (accept_again_at_ && now_ >= *accept_again_at_) {
      accept_again_at_.reset();
      if (socket_.fd >= 0) Add(epoll_, socket_.fd, kListenKey);
    }
    for (int i = 0; i < ready; ++i) {
      const std::uint64_t key = events[static_cast<std::size_t>(i)].data.u64;
      const std::uint32_t what = events[static_cast<std::size_t>(i)].events;
      if (key == kListenKey) {
        AcceptSome();
      } else if (key == kWakeKey) {
        eventfd_t ignored = 0;
        eventfd_read(wake_fd_, &ignored);
        if (!accepting_) CloseListenSocket();
      } else if (key % 2 == 0) {
        Advance(key, [&](GatedConnection& connection) { return connection.OnTcp(what, now_, *scratch_); });
      } else {
        Advance(key - 1, [&](GatedConnection& connection) { return connection.OnPair(what, now_, *scratch_); });
      }
    }
    if (return_memory_at_ && now_ >= *return_memory_at_) {
      return_memory_at_.reset();
      ReturnFreedMemory();
    }
    HandOverSome();
    while (!wake_.empty() && wake_.begin()->first <= now_) {
      const std::uint64_t key = wake_.begin()->second;
      Advance(key, [&](GatedConnection& connection) { return connection.OnTime(now_, *scratch_); });
    }
  }
  CloseListenSocket();
  MutexLock lock(mutex_);
  by_peer_.clear();
  clients_.clear();
}

void GrpcListener::CloseListenSocket() {
  if (socket_.fd >= 0) close(socket_.fd);
  socket_.fd = -1;
  for (const auto& [key, newcomer] : newcomers_) close(newcomer.tcp);
  newcomers_.clear();
  MutexLock lock(mutex_);
  listening_ = false;
  not_listening_.NotifyAll();
}

template <typename Step>
void GrpcListener::Advance(std::uint64_t key, Step step) {
  const auto at = clients_.find(key);
  if (at == clients_.end()) {  // it ended by an event of the same turn, or a newcomer has left
    if (const auto newcomer = newcomers_.find(key); newcomer != newcomers_.end()) {
      close(newcomer->second.tcp);
      newcomers_.erase(newcomer);
    }
    return;
  }
  Client& client = *at->second;
  const GatedConnection::Outcome outcome = step(client.connection);
  const Time wake_at =
      outcome == GatedConnection::Outcome::kOpen ? client.connection.wake_at().value_or(Time{0}) : Time{0};
  if (wake_at != client.wake_at) {
    if (client.wake_at > Time{0}) wake_.erase({client.wake_at, key});
    if (wake_at > Time{0}) wake_.insert({wake_at, key});
    client.wake_at = wake_at;
  }
  if (outcome == GatedConnection::Outcome::kOpen) return;
  if (outcome == GatedConnection::Outcome::kRefused) {
    const GateRefusal refusal = client.connection.refusal();
    Refuse(static_cast<std::size_t>(refusal),
           "a connection from " + client.address + " was closed: " + TextOf(refusal));
  }
  if (const std::size_t left = client.connection.open_calls(); left > 0)
    hand_over_at_ = std::max(hand_over_at_, left_calls_.Reserve(now_, static_cast<std::uint32_t>(left)));
  if (client.connection.calls() >= kManyCalls) ReturnMemorySoon();
  {
    MutexLock lock(mutex_);
    by_peer_.erase(client.peer);
  }
  clients_.erase(at);
}

void GrpcListener::AcceptSome() {
  for (int i = 0; i < kEventsMax && socket_.fd >= 0; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    const int tcp = accept4(socket_.fd, reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (tcp >= 0) {
      if (clients_.size() + newcomers_.size() < limits_.connections) {
        last_key_ += 2;
        newcomers_[last_key_] = {tcp, AddressText(address)};
        Add(epoll_, tcp, last_key_, EPOLLRDHUP);
      } else {
        Refuse(0, "a connection above " + std::to_string(limits_.connections) + " was closed");
        close(tcp);
      }
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    // Out of descriptors: the newcomer stays in the kernel's queue until there is one.
    epoll_ctl(epoll_, EPOLL_CTL_DEL, socket_.fd, nullptr);
    accept_again_at_ = now_ + kAcceptAgain;
    return;
  }
}

void GrpcListener::HandOverSome() {
  while (!newcomers_.empty() && hand_over_at_ <= now_) {
    const auto [key, newcomer] = *newcomers_.begin();
    newcomers_.erase(newcomers_.begin());
    epoll_ctl(epoll_, EPOLL_CTL_DEL, newcomer.tcp, nullptr);
    HandOver(key, newcomer);
    hand_over_at_ = std::max(hand_over_at_, hand_over_pace_->Reserve(now_));
  }
}

void GrpcListener::HandOver(std::uint64_t key, const Newcomer& newcomer) {
  const std::string name =
      newcomer.address + "/" + std::to_string(getpid()) + "." + std::to_string(salt_) + "." + std::to_string(key / 2);
  const NamedPair pair = MakePair(name);
  if (pair.ours < 0) {
    Refuse(0, std::string("a connection was closed: no socket pair for it: ") + std::strerror(errno));
    close(newcomer.tcp);
    return;
  }
  auto client = std::make_unique<Client>(newcomer.address, PeerOf(name), newcomer.tcp, pair.ours, epoll_, key, *gate_,
                                         limits_.answer_timeout);
  {
    MutexLock lock(mutex_);
    by_peer_[client->peer] = &client->connection;
  }
  clients_.emplace(key, std::move(client));
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
  connection.listener_fd = socket_.fd;
  connection.fd = pair.grpcs;
  acceptor_->HandleNewConnection(&connection);
}

void GrpcListener::ReturnMemorySoon() {
  if (!return_memory_at_) return_memory_at_ = now_ + kReturnMemoryAfter;
}

void GrpcListener::Refuse(std::size_t reason, const std::string& line) {
  refused_[reason].fetch_add(1, std::memory_order_relaxed);
  ReturnMemorySoon();
  if (const auto held_back = log_.Allow(std::to_string(reason), now_))
    spdlog::warn("{}: {}{}", address_, line, HeldBackNote(*held_back));
}

}  // namespace prefixmesh
