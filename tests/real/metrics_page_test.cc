// Goal: a client that asks for /metrics costs the process little, however often and in whatever way it asks.
#include "impl/env/real/metrics_page.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <thread>

#include "impl/env/real/real_env.h"

namespace prefixmesh {
namespace {

struct NumberedPage {
  NumberedPage() {
    auto started =
        MetricsPage::Start("localhost:0", PortLimits{}, [this] { return "pages " + std::to_string(++made) + "\n"; });
    REQUIRE(started.ok());
    page = std::move(*started);
  }
  std::atomic<int> made{0};
  std::unique_ptr<MetricsPage> page;
};

// What is answered to `request` until the connection is closed.
std::string Ask(std::uint16_t port, const std::string& request) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  const timeval timeout{3, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  REQUIRE(send(fd, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size()));
  std::string answer(1 << 16, 0);
  std::size_t size = 0;
  for (ssize_t received = 1; received > 0 && size < answer.size();) {
    received = recv(fd, answer.data() + size, answer.size() - size, 0);
    if (received > 0) size += static_cast<std::size_t>(received);
    if (received < 0) answer = "not closed: " + answer;
  }
  close(fd);
  answer.resize(std::min(answer.size(), size));
  return answer;
}

const std::string kGet = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

TEST_CASE("Metrics: the page is made once for all that ask at a time, and anew for who asks later") {
  NumberedPage numbered;
  const Time began = RealClock().Now();
  for (int i = 0; i < 200; ++i) REQUIRE(Ask(numbered.page->port(), kGet).find("\r\n\r\npages ") != std::string::npos);
  const auto ages = (RealClock().Now() - began) / MetricsPage::kPageAge;
  REQUIRE(numbered.made <= ages + 1);
  std::this_thread::sleep_for(MetricsPage::kPageAge);
  const int before = numbered.made;
  REQUIRE(Ask(numbered.page->port(), kGet).ends_with("pages " + std::to_string(before + 1) + "\n"));
}

TEST_CASE("Metrics: a request with a body is refused before the body, and so is another method") {
  NumberedPage numbered;
  const std::uint16_t port = numbered.page->port();
  for (const std::string body :
       {"Content-Length: 1000000000", "Transfer-Encoding: chunked", "Content-Length: 0\r\nContent-Length: 5"})
    for (const std::string method : {"POST", "GET"}) {
      const std::string answer = Ask(port, method + " /metrics HTTP/1.1\r\nHost: x\r\n" + body + "\r\n\r\n1\r\nx\r\n");
      INFO(method << ' ' << body << ": " << answer);
      REQUIRE(answer.starts_with("HTTP/1.1 413 "));
    }
  REQUIRE(Ask(port, "POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
              .starts_with("HTTP/1.1 405 "));
  REQUIRE(numbered.made == 0);
}

}  // namespace
}  // namespace prefixmesh
