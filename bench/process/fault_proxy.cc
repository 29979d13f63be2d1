#include "bench/process/fault_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <deque>
#include <list>
#include <thread>
#include <utility>

#include "impl/base/mutex.h"

namespace prefixmesh::bench {
namespace {

constexpr int kAcceptPauseMs = 100;  // when descriptors ran out

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

sockaddr_in Loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

bool WouldBlock() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

Fd Socket() {
  Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

constexpr std::size_t kNotPolled = SIZE_MAX;

// One direction of a connection. It holds [begin, end) of `data`, and reads again when that is passed on.
struct Pipe {
  std::array<char, FaultProxy::kPipeBytes> data;
  std::size_t begin = 0, end = 0;
  bool ended = false;  // the source said FIN and the sink was told, or the sink takes no more
  bool holds() const { return begin < end; }
};

struct Connection {
  std::array<Fd, 2> ends;    // the dialer's, the target's
  std::array<Pipe, 2> pipe;  // by Direction: pipe i carries what ends[i] says to ends[1 - i]
  bool connecting = true;    // the target has not answered yet
  bool over = false;
  std::array<std::size_t, 2> place{};  // of its ends among the polled
};

struct Link {
  Fd listener;
  std::uint16_t port = 0, target = 0;
  std::array<bool, 2> cut{};  // by Direction; the thread's own copy
  std::list<Connection> connections;
  std::size_t place = kNotPolled;
};

class PollingProxy final : public FaultProxy {
 public:
  ~PollingProxy() override {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
    }
    Wake();
    if (thread_.joinable()) thread_.join();
  }

  Status Open(const std::vector<std::uint16_t>& target_ports) {
    wake_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (wake_.get() < 0) return Error{ErrorCode::kExhausted, "no descriptor for the proxy"};
    for (const std::uint16_t target : target_ports) {
      Link& link = links_.emplace_back();
      link.target = target;
      link.listener = Socket();
      sockaddr_in address = Loopback(0);
      socklen_t size = sizeof(address);
      if (link.listener.get() < 0 ||
          bind(link.listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
          listen(link.listener.get(), static_cast<int>(kConnectionsMax)) != 0 ||
          getsockname(link.listener.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
        return Error{ErrorCode::kExhausted, "no free port on 127.0.0.1 for the proxy"};
      link.port = ntohs(address.sin_port);
    }
    {
      MutexLock lock(mutex_);
      wanted_.resize(links_.size());
    }
    thread_ = std::thread([this] { Run(); });
    return {};
  }

  std::uint16_t port(std::size_t link) const override { return links_.at(link).port; }
  void Cut(std::size_t link, Direction direction) override { Set(link, direction, true); }
  void Heal(std::size_t link, Direction direction) override { Set(link, direction, false); }

 private:
  void Wake() {
    const std::uint64_t one = 1;
    (void)!write(wake_.get(), &one, sizeof(one));
  }

  void Set(std::size_t link, Direction direction, bool cut) {
    MutexLock lock(mutex_);
    wanted_.at(link)[static_cast<std::size_t>(direction)] = cut;
    const std::uint64_t mine = ++asked_;
    Wake();
    while (taken_ < mine) changed_.Wait(mutex_);
  }

  // False: the end.
  bool TakeOrders() {
    MutexLock lock(mutex_);
    for (std::size_t i = 0; i < links_.size(); ++i) links_[i].cut = wanted_[i];
    taken_ = asked_;
    changed_.NotifyAll();
    return !stopping_;
  }

  void Run() {
    while (TakeOrders()) {
      Gather();
      const int ready = poll(polled_.data(), polled_.size(), accept_paused_ ? kAcceptPauseMs : -1);
      accept_paused_ = false;
      if (ready < 0) continue;  // EINTR
      if (polled_[0].revents != 0) {
        std::uint64_t count = 0;
        (void)!read(wake_.get(), &count, sizeof(count));
        continue;  // the orders first: what is ready stays ready
      }
      for (Link& link : links_) Serve(link);
    }
  }

  std::size_t Watch(int fd, int events) {
    if (events == 0) return kNotPolled;  // a closed peer would wake the loop for ever
    polled_.push_back({fd, static_cast<short>(events), 0});
    return polled_.size() - 1;
  }
  bool Ready(std::size_t place) const { return place != kNotPolled && polled_[place].revents != 0; }

  void Gather() {
    polled_.clear();
    Watch(wake_.get(), POLLIN);
    for (Link& link : links_) {
      const bool accepts = !link.cut[0] && !link.cut[1] && !accept_paused_ && link.connections.size() < kConnectionsMax;
      link.place = Watch(link.listener.get(), accepts ? POLLIN : 0);
      for (Connection& connection : link.connections) {
        for (std::size_t end = 0; end < 2; ++end) {
          const Pipe &says = connection.pipe[end], &hears = connection.pipe[1 - end];
          int events = 0;
          if (connection.connecting) {
            events = end == 1 ? POLLOUT : 0;
          } else {
            if (!link.cut[end] && !says.ended && !says.holds()) events |= POLLIN;
            if (!link.cut[1 - end] && hears.holds()) events |= POLLOUT;
          }
          connection.place[end] = Watch(connection.ends[end].get(), events);
        }
      }
    }
  }

  void Serve(Link& link) {
    for (Connection& connection : link.connections) {
      if (connection.connecting) {
        if (Ready(connection.place[1])) FinishConnecting(connection);
        continue;
      }
      for (std::size_t from = 0; from < 2; ++from)
        if (!link.cut[from] && !connection.pipe[from].ended) Pump(connection, from);
      connection.over = connection.over || (connection.pipe[0].ended && connection.pipe[1].ended);
    }
    link.connections.remove_if([](const Connection& connection) { return connection.over; });
    if (Ready(link.place)) Accept(link);
  }

  void Accept(Link& link) {
    Fd dialer(accept4(link.listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));  // inherits TCP_NODELAY
    if (dialer.get() < 0) {
      accept_paused_ = !WouldBlock() && errno != ECONNABORTED;
      return;
    }
    Fd target = Socket();
    const sockaddr_in address = Loopback(link.target);
    if (connect(target.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 &&
        errno != EINPROGRESS)
      return;  // the dialer is closed and may try again
    Connection& connection = link.connections.emplace_back();
    connection.ends[0] = std::move(dialer);
    connection.ends[1] = std::move(target);
  }

  static void FinishConnecting(Connection& connection) {
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(connection.ends[1].get(), SOL_SOCKET, SO_ERROR, &error, &size);
    connection.connecting = false;
    connection.over = error != 0;
  }

  // Moves what is ready from ends[from] to the other end.
  void Pump(Connection& connection, std::size_t from) {
    Pipe& pipe = connection.pipe[from];
    const int source = connection.ends[from].get(), sink = connection.ends[1 - from].get();
    if (!pipe.holds() && Ready(connection.place[from])) {
      const ssize_t got = recv(source, pipe.data.data(), pipe.data.size(), 0);
      if (got == 0) {
        shutdown(sink, SHUT_WR);
        pipe.ended = true;
      } else if (got < 0) {
        connection.over = connection.over || !WouldBlock();
      } else {
        pipe.begin = 0;
        pipe.end = static_cast<std::size_t>(got);
      }
    }
    if (!pipe.holds()) return;
    const ssize_t put = send(sink, pipe.data.data() + pipe.begin, pipe.end - pipe.begin, MSG_NOSIGNAL);
    if (put > 0) pipe.begin += static_cast<std::size_t>(put);
    if (put < 0 && !WouldBlock()) {  // the sink is gone; its source hears of it through the sink's own direction
      pipe.ended = true;
      pipe.begin = pipe.end;
    }
  }

  std::deque<Link> links_;  // the thread's, but for the ports
  Fd wake_;
  std::vector<pollfd> polled_;
  bool accept_paused_ = false;

  Mutex mutex_;
  CondVar changed_;
  std::vector<std::array<bool, 2>> wanted_ PREFIXMESH_GUARDED_BY(mutex_);
  std::uint64_t asked_ PREFIXMESH_GUARDED_BY(mutex_) = 0, taken_ PREFIXMESH_GUARDED_BY(mutex_) = 0;
  bool stopping_ PREFIXMESH_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<FaultProxy>> FaultProxy::Start(const std::vector<std::uint16_t>& target_ports) {
  auto proxy = std::make_unique<PollingProxy>();
  if (Status opened = proxy->Open(target_ports); !opened.ok()) return opened.error();
  return std::unique_ptr<FaultProxy>(std::move(proxy));
}

}  // namespace prefixmesh::bench
