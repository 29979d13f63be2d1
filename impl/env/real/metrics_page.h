// metrics_page.h — serves /metrics over HTTP/1.1, whoever else is connected.
//
// One thread with epoll serves all connections: one that says nothing costs a socket and a few KiB until its timeout,
// and delays nobody (an HTTP server with a thread for each connection was blocked by the first silent one).
//
// Who scrapes within kPageAge of another gets the same page: making it costs the router, asking for it does not.
//
// Threads:  `page` is called on the server's thread, one call at a time.
// Bounds:   limits.connections at a time, the oldest gives way to one more; header_bytes for a request, body_timeout
//           without a byte; a request with a body is refused. Pages are shared; at most one for each connection.
// Time:     the system's steady clock.
// Ownership: borrows nothing but what `page` does. Errors: Start says in one line what the system said.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "impl/base/result.h"
#include "impl/env/real/port_limits.h"

namespace prefixmesh {

class MetricsPage {
 public:
  // The page's text, in Prometheus' exposition format.
  using Page = std::function<std::string()>;
  static constexpr Time kPageAge = std::chrono::milliseconds(100);

  // Serving when it returns, until it goes.
  static Result<std::unique_ptr<MetricsPage>> Start(const std::string& listen, const PortLimits& limits, Page page);
  virtual ~MetricsPage() = default;

  virtual std::uint16_t port() const = 0;
};

}  // namespace prefixmesh
