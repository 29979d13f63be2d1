// Goal: a cut direction passes nothing, not even an end, and loses nothing. Real sockets on loopback; the oracle is the
// bytes that were sent.
#include "bench/process/fault_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <string>
#include <utility>

#include "impl/base/prng.h"

namespace prefixmesh::bench {
namespace {

using Direction = FaultProxy::Direction;
constexpr int kSoonMs = 5000, kSilenceMs = 150;

sockaddr_in Loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) { REQUIRE(fd_ >= 0); }
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ~Socket() { Close(); }
  int fd() const { return fd_; }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  bool Readable(int patience_ms) const {
    pollfd polled{fd_, POLLIN, 0};
    return poll(&polled, 1, patience_ms) == 1;
  }
  // As much as the kernel takes at once.
  std::size_t Send(const std::string& bytes) const {
    const ssize_t put = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return put > 0 ? static_cast<std::size_t>(put) : 0;
  }
  // What is there now.
  std::string Some(std::size_t most = 16384) const {
    std::string part(most, '\0');
    const ssize_t size = recv(fd_, part.data(), part.size(), MSG_DONTWAIT);
    part.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return part;
  }
  std::string Receive(std::size_t count) const {
    std::string got;
    while (got.size() < count && Readable(kSoonMs)) {
      const std::string part = Some(count - got.size());
      if (part.empty()) break;
      got += part;
    }
    return got;
  }
  bool AtEnd() const {
    char one = 0;
    return Readable(kSoonMs) && recv(fd_, &one, 1, 0) <= 0;
  }

 private:
  int fd_;
};

// A listening port behind a proxy with one link.
struct World {
  World() : listener(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = Loopback(0);
    socklen_t size = sizeof(address);
    REQUIRE(bind(listener.fd(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(listen(listener.fd(), 8) == 0);
    REQUIRE(getsockname(listener.fd(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    auto started = FaultProxy::Start({ntohs(address.sin_port)});
    REQUIRE(started.ok());
    proxy = std::move(*started);
  }
  Socket Dial() const {
    Socket dialer(socket(AF_INET, SOCK_STREAM, 0));
    const sockaddr_in address = Loopback(proxy->port(0));
    REQUIRE(connect(dialer.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    return dialer;
  }
  Socket Accept() const {
    REQUIRE(listener.Readable(kSoonMs));
    return Socket(accept(listener.fd(), nullptr, nullptr));
  }
  Socket listener;
  std::unique_ptr<FaultProxy> proxy;
};

TEST_CASE("FaultProxy.PassesBothWaysAndTellsTheEnd") {
  World world;
  Socket dialer = world.Dial();
  Socket target = world.Accept();
  REQUIRE(dialer.Send("question") == 8);
  CHECK(target.Receive(8) == "question");
  REQUIRE(target.Send("answer") == 6);
  CHECK(dialer.Receive(6) == "answer");
  shutdown(dialer.fd(), SHUT_WR);  // half an end: the other half still talks
  CHECK(target.AtEnd());
  REQUIRE(target.Send("last word") == 9);
  CHECK(dialer.Receive(9) == "last word");
  target.Close();
  CHECK(dialer.AtEnd());
}

TEST_CASE("FaultProxy.ACutDirectionIsSilentTheOtherFlows") {
  World world;
  Socket dialer = world.Dial();
  Socket target = world.Accept();
  REQUIRE(dialer.Send("a") == 1);
  REQUIRE(target.Receive(1) == "a");
  for (const Direction cut : {Direction::kToTarget, Direction::kFromTarget}) {
    const Socket &silenced = cut == Direction::kToTarget ? dialer : target,
                 &deaf = cut == Direction::kToTarget ? target : dialer;
    world.proxy->Cut(0, cut);
    REQUIRE(silenced.Send("held") == 4);
    CHECK_FALSE(deaf.Readable(kSilenceMs));
    REQUIRE(deaf.Send("heard") == 5);
    CHECK(silenced.Receive(5) == "heard");
    world.proxy->Heal(0, cut);
    CHECK(deaf.Receive(4) == "held");
  }
}

TEST_CASE("FaultProxy.AnEndDuringTheCutIsToldAfterIt") {
  World world;
  Socket dialer = world.Dial();
  Socket target = world.Accept();
  world.proxy->Cut(0, Direction::kToTarget);
  REQUIRE(dialer.Send("will") == 4);
  dialer.Close();
  CHECK_FALSE(target.Readable(kSilenceMs));
  world.proxy->Heal(0, Direction::kToTarget);
  CHECK(target.Receive(4) == "will");
  CHECK(target.AtEnd());
}

TEST_CASE("FaultProxy.ADialDuringTheCutIsAnsweredAfterIt") {
  World world;
  for (const Direction cut : {Direction::kToTarget, Direction::kFromTarget}) {
    world.proxy->Cut(0, cut);
    Socket dialer = world.Dial();
    REQUIRE(dialer.Send("hello") == 5);
    CHECK_FALSE(world.listener.Readable(kSilenceMs));
    world.proxy->Heal(0, cut);
    Socket target = world.Accept();
    CHECK(target.Receive(5) == "hello");
  }
}

TEST_CASE("FaultProxy.ATargetThatIsNotThereClosesTheConnection") {
  World world;
  world.listener.Close();
  CHECK(world.Dial().AtEnd());
}

TEST_CASE("FaultProxy.NothingIsLostOrReorderedUnderCuts") {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    CAPTURE(seed);
    World world;
    Socket dialer = world.Dial();
    Socket target = world.Accept();
    Prng prng = Prng::ForPurpose(seed, "cuts");
    const Socket* from[] = {&dialer, &target};
    const Socket* to[] = {&target, &dialer};
    std::string sent[2], received[2];
    const auto take = [&](int way) {
      while (received[way].size() < sent[way].size() && to[way]->Readable(0)) received[way] += to[way]->Some();
    };
    for (int step = 0; step < 200; ++step) {
      const auto way = static_cast<int>(prng.Below(2));
      const auto direction = static_cast<Direction>(way);
      switch (prng.Below(4)) {
        case 0:
          world.proxy->Cut(0, direction);
          break;
        case 1:
          world.proxy->Heal(0, direction);
          break;
        case 2:
          take(way);
          break;
        default: {
          std::string part(prng.Below(3 * FaultProxy::kPipeBytes), '\0');
          for (std::size_t i = 0; i < part.size(); ++i) part[i] = static_cast<char>(prng.Next());
          sent[way] += part.substr(0, from[way]->Send(part));
        }
      }
    }
    for (const int way : {0, 1}) {
      world.proxy->Heal(0, static_cast<Direction>(way));
      received[way] += to[way]->Receive(sent[way].size() - received[way].size());
      CHECK((received[way] == sent[way]));
    }
  }
}

TEST_CASE("FaultProxy.EndsWhileBytesAreHeld") {
  World world;
  Socket dialer = world.Dial();
  Socket target = world.Accept();
  world.proxy->Cut(0, Direction::kToTarget);
  REQUIRE(dialer.Send("lost") == 4);
  world.proxy = nullptr;
  CHECK(dialer.AtEnd());
  CHECK(target.AtEnd());
}

}  // namespace
}  // namespace prefixmesh::bench
