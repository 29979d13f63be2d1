#include "impl/env/real/gated_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "impl/env/real/port_limits.h"

namespace prefixmesh {
namespace {

// A client takes the last bytes of a connection that gRPC has closed within this time.
constexpr Time kLastBytesTimeout = std::chrono::seconds(5);
// What gRPC has to say to a client that is refused for not taking it.
constexpr Time kDiscardTimeout = std::chrono::milliseconds(250);
// A held buffer above it is given back when it is empty again.
constexpr std::size_t kKeptBytesMax = 256;

bool NotNow(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

// How many bytes were taken; nullopt: the socket takes no more for ever.
std::optional<std::size_t> Send(int fd, std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) return 0;
  const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  return NotNow(errno) ? std::optional<std::size_t>(0) : std::nullopt;
}

}  // namespace

GatedConnection::GatedConnection(int tcp, int pair, int epoll, std::uint64_t key, PortGate& port, Time answer_timeout)
    : epoll_(epoll),
      answer_timeout_(answer_timeout),
      port_(port),
      tcp_{tcp, key, EPOLLIN},
      pair_{pair, key + 1, EPOLLIN},
      gate_(port) {
  for (const Socket& socket : {tcp_, pair_}) {
    epoll_event event{};
    event.events = socket.events;
    event.data.u64 = socket.key;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, socket.fd, &event);
  }
}

GatedConnection::~GatedConnection() {
  close(tcp_.fd);
  close(pair_.fd);
}

std::optional<Time> GatedConnection::wake_at() const {
  if (close_by_ > Time{0}) return close_by_;
  const bool held = down_since_ > Time{0};
  if (waiting() && held) return std::min(wait_until_, down_check_at_);
  if (waiting()) return wait_until_;
  return held ? std::optional(down_check_at_) : std::nullopt;
}

GatedConnection::Outcome GatedConnection::OnTcp(std::uint32_t events, Time now, Scratch& scratch) {
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) return Outcome::kClosed;
  // gRPC closes a connection whose client sends no more, and what it sent before is lost with it: no need to wait.
  if ((events & EPOLLRDHUP) != 0 && waiting()) return Outcome::kClosed;
  if ((events & EPOLLIN) != 0 && !MoveUp(true, now, scratch)) return Ended();
  if ((events & EPOLLOUT) != 0 && !MoveDown(close_by_ > Time{0}, now, scratch)) return Ended();
  return Watch();
}

GatedConnection::Outcome GatedConnection::OnPair(std::uint32_t events, Time now, Scratch& scratch) {
  if (discarding_) return Discard(scratch);
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) PairClosed(now);
  if ((events & EPOLLOUT) != 0 && close_by_ == Time{0} && !MoveUp(false, now, scratch)) return Ended();
  if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0 && !MoveDown(true, now, scratch)) return Ended();
  return Watch();
}

GatedConnection::Outcome GatedConnection::OnTime(Time now, Scratch& scratch) {
  if (close_by_ > Time{0}) return now < close_by_ ? Outcome::kOpen : Ended();
  if (Untaken(now)) {
    Refuse(GateRefusal::kUntaken, now);
    return Outcome::kOpen;
  }
  if (now >= down_check_at_) down_check_at_ = now + PortLimits::kCrowdedAnswerTimeout;
  return MoveUp(false, now, scratch) ? Watch() : Ended();
}

void GatedConnection::Refuse(GateRefusal refusal, Time now) {
  refusal_ = refusal;
  discarding_ = true;
  close_by_ = now + kDiscardTimeout;
  epoll_ctl(epoll_, EPOLL_CTL_DEL, tcp_.fd, nullptr);
  shutdown(tcp_.fd, SHUT_RDWR);
  down_.Drop(down_.rest().size());
  Watch(pair_, EPOLLIN);
}

GatedConnection::Outcome GatedConnection::Discard(Scratch& scratch) {
  const ssize_t received = recv(pair_.fd, scratch.data(), scratch.size(), MSG_DONTWAIT);
  if (received == 0 || (received < 0 && !NotNow(errno))) return Ended();
  gate_.FromServer({scratch.data(), static_cast<std::size_t>(std::max<ssize_t>(received, 0))});
  return gate_.open_streams() > 0 ? Outcome::kOpen : Ended();
}

// epoll would say so again and again while the client does not take what is left.
void GatedConnection::PairClosed(Time now) {
  if (close_by_ > Time{0}) return;
  close_by_ = now + kLastBytesTimeout;
  epoll_ctl(epoll_, EPOLL_CTL_DEL, pair_.fd, nullptr);
}

void GatedConnection::Held::Keep(std::span<const std::uint8_t> what) {
  bytes.assign(what.begin(), what.end());
  begin = 0;
}

void GatedConnection::Held::Drop(std::size_t count) {
  begin += count;
  if (begin < bytes.size()) return;
  bytes.clear();
  begin = 0;
  if (bytes.capacity() > kKeptBytesMax) std::vector<std::uint8_t>().swap(bytes);
}

bool GatedConnection::MoveUp(bool readable, Time now, Scratch& scratch) {
  if (close_by_ > Time{0}) return true;
  std::span<const std::uint8_t> bytes = up_.rest();
  const bool read = readable && up_passed_ == 0 && !waiting() && !up_ended_;
  if (read) {  // then a part of a frame's header is held, at most
    std::copy(bytes.begin(), bytes.end(), scratch.begin());
    const ssize_t received = recv(tcp_.fd, scratch.data() + bytes.size(), scratch.size() - bytes.size(), MSG_DONTWAIT);
    if (received < 0 && !NotNow(errno)) return false;
    up_ended_ = received == 0;
    bytes = {scratch.data(), bytes.size() + static_cast<std::size_t>(std::max<ssize_t>(received, 0))};
  }
  if (now >= wait_until_) {
    const Http2Gate::Verdict verdict = gate_.FromClient(bytes.subspan(up_passed_), now);
    up_passed_ += verdict.pass_bytes;
    wait_until_ = verdict.wait_until;
    refusal_ = verdict.refusal;
    body_bytes_.store(gate_.body_bytes(), std::memory_order_relaxed);
    if (refusal_ != GateRefusal::kNone) return false;
  }
  // Where gRPC takes no more it is closing its end.
  const std::size_t sent = Send(pair_.fd, bytes.first(up_passed_)).value_or(up_passed_);
  up_passed_ -= sent;
  if (read) {
    up_.Keep(bytes.subspan(sent));
  } else {
    up_.Drop(sent);
  }
  if (up_ended_ && up_passed_ == 0 && !waiting()) shutdown(pair_.fd, SHUT_WR);
  return true;
}

bool GatedConnection::Untaken(Time now) const {
  if (down_since_ == Time{0}) return false;
  return now - down_since_ >=
         (port_.crowded() ? std::min(PortLimits::kCrowdedAnswerTimeout, answer_timeout_) : answer_timeout_);
}

bool GatedConnection::MoveDown(bool readable, Time now, Scratch& scratch) {
  std::span<const std::uint8_t> bytes = down_.rest();
  const bool read = readable && bytes.empty() && !down_ended_;
  if (read) {
    const ssize_t received = recv(pair_.fd, scratch.data(), scratch.size(), MSG_DONTWAIT);
    down_ended_ = received == 0 || (received < 0 && !NotNow(errno));
    bytes = {scratch.data(), static_cast<std::size_t>(std::max<ssize_t>(received, 0))};
    gate_.FromServer(bytes);
  }
  const std::optional<std::size_t> sent = Send(tcp_.fd, bytes);
  if (!sent) return false;
  if (read) {
    down_.Keep(bytes.subspan(*sent));
  } else {
    down_.Drop(*sent);
  }
  if (down_.rest().empty()) {
    down_since_ = Time{0};
  } else if (down_since_ == Time{0}) {
    down_since_ = now;
    down_check_at_ = now + PortLimits::kCrowdedAnswerTimeout;
  }
  return !down_ended_ || !down_.rest().empty();
}

GatedConnection::Outcome GatedConnection::Watch() {
  const bool closing = close_by_ > Time{0};
  std::uint32_t tcp = 0, pair = 0;
  if (!closing && !up_ended_ && up_passed_ == 0) tcp |= waiting() ? EPOLLRDHUP : EPOLLIN;
  if (closing || !down_.rest().empty()) tcp |= EPOLLOUT;
  if (down_.rest().empty() && !down_ended_) pair |= EPOLLIN;
  if (up_passed_ > 0) pair |= EPOLLOUT;
  Watch(tcp_, tcp);
  if (!closing) Watch(pair_, pair);
  return Outcome::kOpen;
}

void GatedConnection::Watch(Socket& socket, std::uint32_t events) {
  if (socket.events == events) return;
  socket.events = events;
  epoll_event event{};
  event.events = events;
  event.data.u64 = socket.key;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, socket.fd, &event);
}

}  // namespace prefixmesh
