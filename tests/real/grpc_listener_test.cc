// Goal: a port's bound on connections holds, lets newcomers in when others have left, and cannot be made to cost much.
#include "impl/env/real/grpc_listener.h"

#include <grpcpp/grpcpp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <string>

#include "impl/base/mutex.h"
#include "impl/wire/prefixmesh.grpc.pb.h"
#include "tests/real/running_router.h"
#include "tests/real/served_port.h"

namespace prefixmesh {
namespace {

using std::chrono::milliseconds;
using test::Eventually;

// Serves nothing, and notes what gRPC calls the last client that asked, and what the listener knows by that name.
struct Nothing final : grpc::CallbackGenericService {
  explicit Nothing(const GrpcListener& port_listener) : listener(port_listener) {}
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    MutexLock lock(mutex);
    peer = context->peer();
    body_bytes = listener.BodyBytes(peer);
    return new test::UnservedCall();
  }
  const GrpcListener& listener;
  Mutex mutex;
  std::string peer;
  std::optional<std::uint64_t> body_bytes;
};

struct ListeningPort : test::ServedPort<Nothing> {
  explicit ListeningPort(std::uint32_t connections, const std::string& listen = "127.0.0.1:0",
                         std::uint32_t connections_per_second = PortLimits{}.connections_per_second)
      : ServedPort(LimitsOf(connections, connections_per_second), listen) {}
  static PortLimits LimitsOf(std::uint32_t connections, std::uint32_t connections_per_second) {
    PortLimits limits;
    limits.connections = connections;
    limits.connections_per_second = connections_per_second;
    limits.handshake_timeout = std::chrono::minutes(1);
    return limits;
  }
};

// A connection that says nothing.
struct Silent {
  explicit Silent(std::uint16_t port) : fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  ~Silent() { close(fd); }
  Silent(const Silent&) = delete;
  // Until the other end has spoken or closed: true if it spoke, as an HTTP/2 server does at once.
  bool Served() const {
    char byte = 0;
    return recv(fd, &byte, 1, 0) == 1;
  }
  const int fd;
};

TEST_CASE("Listener: a connection above the bound is closed, and one that ends makes room") {
  ListeningPort port(4);
  std::vector<std::unique_ptr<Silent>> held;
  for (int i = 0; i < 4; ++i) {
    held.push_back(std::make_unique<Silent>(port.port));
    REQUIRE(held.back()->Served());
  }
  REQUIRE_FALSE(Silent(port.port).Served());
  REQUIRE(port.listener.Refusals().at("too_many") == 1);
  held.pop_back();
  REQUIRE(Eventually([&] {
    held.push_back(std::make_unique<Silent>(port.port));
    if (held.back()->Served()) return true;
    held.pop_back();
    return false;
  }));
  REQUIRE_FALSE(Silent(port.port).Served());
}

std::size_t OpenDescriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

TEST_CASE("Listener: who breaks a rule is closed and counted by it; descriptors come back, others notice nothing") {
  ListeningPort port(64);
  const Silent honest(port.port);
  REQUIRE(honest.Served());
  const std::size_t before = OpenDescriptors();
  for (int i = 0; i < 50; ++i) {
    const Silent client(port.port);
    REQUIRE(client.Served());
    const std::string text = i % 2 == 0 ? "GET / HTTP/1.1\r\n" : "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\x04";
    const std::string frame = text + std::string(5, '\0');
    REQUIRE(send(client.fd, frame.data(), frame.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(frame.size()));
    char byte = 0;
    while (recv(client.fd, &byte, 1, 0) > 0) {  // the server's first frames
    }
  }
  REQUIRE(port.listener.Refusals().at("preface") == 25);
  REQUIRE(port.listener.Refusals().at("frame") == 25);
  REQUIRE(port.listener.Refusals().at("too_many") == 0);
  REQUIRE(Eventually([&] { return OpenDescriptors() == before; }));
  char byte = 0;
  while (recv(honest.fd, &byte, 1, MSG_DONTWAIT) > 0) {  // the rest of the server's first frames
  }
  REQUIRE((errno == EAGAIN || errno == EWOULDBLOCK));
}

TEST_CASE("Listener: a connection that the client closes half is closed, and one that the server closes ends") {
  auto port = std::make_unique<ListeningPort>(4);
  const std::size_t before = OpenDescriptors();
  char byte = 0;
  {
    const Silent half(port->port);
    REQUIRE(half.Served());
    REQUIRE(shutdown(half.fd, SHUT_WR) == 0);
    while (recv(half.fd, &byte, 1, 0) > 0) {
    }
    REQUIRE(recv(half.fd, &byte, 1, 0) == 0);
  }
  REQUIRE(Eventually([&] { return OpenDescriptors() == before; }));
  const Silent other(port->port);
  REQUIRE(other.Served());
  port = nullptr;  // the server ends
  ssize_t received = 1;
  while (received > 0) received = recv(other.fd, &byte, 1, 0);
  REQUIRE(received == 0);
}

TEST_CASE("Listener: a client is known by the name that gRPC has for it, which holds its address") {
  for (const std::string listen : {"127.0.0.1:0", "[::1]:0"}) {
    CAPTURE(listen);
    ListeningPort port(4, listen);
    const std::string address = listen.substr(0, listen.size() - 1) + std::to_string(port.port);
    const auto stub = v1::RouterAdmin::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    v1::RouterStatus status;
    REQUIRE(stub->Status(&context, v1::Empty(), &status).error_code() == grpc::StatusCode::UNIMPLEMENTED);
    MutexLock lock(port.service.mutex);
    CAPTURE(port.service.peer);
    REQUIRE(port.service.body_bytes.has_value());
    REQUIRE(port.service.peer.find(listen[0] == '[' ? "::1" : "127.0.0.1") != std::string::npos);
  }
}

TEST_CASE("Listener: headers up to the limit pass, call after call on a connection") {
  ListeningPort port(4);
  const auto stub = v1::RouterAdmin::NewStub(
      grpc::CreateChannel("127.0.0.1:" + std::to_string(port.port), grpc::InsecureChannelCredentials()));
  for (int i = 0; i < 50; ++i) {
    grpc::ClientContext context;
    context.AddMetadata("large", std::string(15000, static_cast<char>('a' + i % 26)));
    v1::RouterStatus status;
    REQUIRE(stub->Status(&context, v1::Empty(), &status).error_code() == grpc::StatusCode::UNIMPLEMENTED);
  }
  for (const auto& [reason, count] : port.listener.Refusals()) {
    CAPTURE(reason);
    REQUIRE(count == 0);
  }
}

TEST_CASE("Listener: newcomers above the rate wait for their turn, and those that have left before it take none") {
  ListeningPort port(1000, "127.0.0.1:0", 4);
  std::vector<std::unique_ptr<Silent>> held;
  for (int i = 0; i < 256; ++i) held.push_back(std::make_unique<Silent>(port.port));  // at once
  for (const auto& client : held) REQUIRE(client->Served());
  const auto began = std::chrono::steady_clock::now();
  REQUIRE(Silent(port.port).Served());
  for (int i = 0; i < 400; ++i) (void)Silent(port.port);
  for (int i = 0; i < 4; ++i) REQUIRE(Silent(port.port).Served());
  const auto took = std::chrono::steady_clock::now() - began;
  REQUIRE(took >= milliseconds(400));
  REQUIRE(took < std::chrono::seconds(10));
  REQUIRE(port.listener.Refusals().at("too_many") == 0);
}

// CPU time that this process spends on a newcomer that is refused, at both ends.
double RefusalCost(std::uint32_t connections) {
  constexpr int kTries = 200;
  ListeningPort port(connections);
  std::vector<std::unique_ptr<Silent>> held;
  for (std::uint32_t i = 0; i < connections; ++i) {
    held.push_back(std::make_unique<Silent>(port.port));
    REQUIRE(held.back()->Served());
  }
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  };
  double least = 1e9;
  for (int i = 0; i < 3; ++i) {
    const double began = now();
    for (int j = 0; j < kTries; ++j) REQUIRE_FALSE(Silent(port.port).Served());
    least = std::min(least, now() - began);
  }
  return least / kTries;
}

// Each looked at all connections that are open: 0.7 ms at a bound of 1,024, sixteen times what it cost the client.
TEST_CASE("Listener: a newcomer above the bound costs about the same however many connections there are") {
  REQUIRE(RefusalCost(450) < 2 * RefusalCost(4));
}

}  // namespace
}  // namespace prefixmesh
