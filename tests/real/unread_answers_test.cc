// Goal: a client that lets the server send without end and reads nothing holds neither the port's calls nor its end.
#include <grpcpp/grpcpp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "tests/impl/env/http2_frames.h"
#include "tests/real/running_router.h"
#include "tests/real/served_port.h"

namespace prefixmesh {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Eventually;
namespace http2 = test::http2;

constexpr std::size_t kAnswerBytes = 1 << 20;

// Answers "/big" with a megabyte, and refuses everything else.
struct BigAnswers final : grpc::CallbackGenericService {
  struct Big final : grpc::ServerGenericBidiReactor {
    Big() : answer(std::string(kAnswerBytes, 'x')), bytes(&answer, 1) {
      StartWriteAndFinish(&bytes, {}, grpc::Status::OK);
    }
    void OnDone() override { delete this; }
    grpc::Slice answer;
    grpc::ByteBuffer bytes;
  };
  explicit BigAnswers(const GrpcListener&) {}
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
    if (context->method() == "/big") return new Big();
    return new test::UnservedCall();
  }
};

struct BigAnswerPort : test::ServedPort<BigAnswers> {
  explicit BigAnswerPort(Time answer_timeout, std::uint32_t streams = PortLimits{}.streams)
      : ServedPort(LimitsOf(answer_timeout, streams)) {}
  static PortLimits LimitsOf(Time answer_timeout, std::uint32_t streams) {
    PortLimits limits;
    limits.answer_timeout = answer_timeout;
    limits.streams = streams;
    return limits;
  }
  // Whether a call of another client is answered within two seconds.
  bool Serves() const {
    const auto channel = grpc::CreateChannel("127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials());
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + seconds(2));
    const v1::ProbeRequest request;
    v1::ProbeReply reply;
    return v1::Router::NewStub(channel)->Probe(&context, request, &reply).error_code() ==
           grpc::StatusCode::UNIMPLEMENTED;
  }
  std::uint64_t untaken() const { return listener.Refusals().at("untaken"); }
};

// Opens both windows as far as they go, and reads what it is told to.
struct Unread {
  explicit Unread(std::uint16_t port, int receive_bytes = 2048) : fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    const timeval timeout{5, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    constexpr std::uint32_t kInitialWindow = 4, kWidest = 0x7fffffff;
    Send(http2::kPreface + http2::Frame(http2::kSettings, 0, 0, http2::Setting(kInitialWindow, kWidest)) +
         http2::Frame(http2::kWindowUpdate, 0, 0, http2::Number(1u << 30)));
  }
  ~Unread() { close(fd); }
  Unread(const Unread&) = delete;
  void Send(const std::string& bytes) const {
    REQUIRE(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  void Call(const std::string& path, int count) {
    const std::string block = http2::Literal(":method", "POST") + http2::Literal(":scheme", "http") +
                              http2::Literal(":path", path) + http2::Literal(":authority", "router") +
                              http2::Literal("content-type", "application/grpc") + http2::Literal("te", "trailers");
    for (int i = 0; i < count; ++i, stream += 2)
      Send(http2::Frame(http2::kHeaders, http2::kEndStream | http2::kEndHeaders, stream, block));
  }
  // How many bytes came until there were so many, or the connection was closed.
  std::size_t Take(std::size_t bytes) const {
    std::string into(1 << 16, 0);
    std::size_t taken = 0;
    while (taken < bytes) {
      const ssize_t received = recv(fd, into.data(), std::min(into.size(), bytes - taken), 0);
      if (received <= 0) break;
      taken += static_cast<std::size_t>(received);
    }
    return taken;
  }
  const int fd;
  std::uint32_t stream = 1;
};

// More than the sockets on the way take.
constexpr int kFilling = 12;

TEST_CASE("Unread: who does not take what it is sent is closed after the answer timeout, and counted") {
  const BigAnswerPort port(milliseconds(600));
  Unread unread(port.port);
  unread.Call("/big", kFilling);
  std::this_thread::sleep_for(milliseconds(200));
  REQUIRE(port.untaken() == 0);
  REQUIRE(Eventually([&] { return port.untaken() == 1; }));
}

TEST_CASE("Unread: who takes it slower than it comes, but within the timeout, has all of it") {
  const BigAnswerPort port(milliseconds(600));
  Unread slow(port.port, 128 << 10);
  slow.Call("/big", kFilling);
  for (int i = 0; i < kFilling; ++i) {
    std::this_thread::sleep_for(milliseconds(150));  // 1.8 s in all
    REQUIRE(slow.Take(kAnswerBytes) >= kAnswerBytes);
  }
  REQUIRE(port.untaken() == 0);
}

// The ends of its calls lay behind what was not read, so they counted as open, for ever: nobody was let in.
TEST_CASE("Unread: calls whose refusals are not read do not keep others out") {
  const BigAnswerPort port(std::chrono::minutes(1), 64);
  std::vector<std::unique_ptr<Unread>> held;
  for (int i = 0; i < 2; ++i) {
    held.push_back(std::make_unique<Unread>(port.port));
    held.back()->Call("/big", kFilling);
  }
  std::this_thread::sleep_for(milliseconds(300));
  REQUIRE(port.untaken() == 0);
  for (const auto& unread : held) unread->Call("/other", 40);
  REQUIRE(port.Serves());
  REQUIRE(Eventually([&] { return port.untaken() >= 1; }));
}

// gRPC waits for what it is writing, whatever the deadline of its shutdown.
TEST_CASE("Unread: a server ends although a client reads nothing") {
  BigAnswerPort port(std::chrono::minutes(1));
  Unread unread(port.port);
  unread.Call("/big", kFilling);
  std::this_thread::sleep_for(milliseconds(200));
  const Time began = RealClock().Now();
  port.End(milliseconds(100));
  REQUIRE(RealClock().Now() - began < seconds(5));
}

}  // namespace
}  // namespace prefixmesh
