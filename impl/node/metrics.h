// metrics.h — a router's Prometheus metrics: the Status figures as gauges and counters, collected at scrape time.
//
// Nothing is counted twice: a scrape reads what the router keeps anyway and allocates only the scrape itself.
// Names are listed in dashboards/metrics.md. Threads: Collect on the exposer's thread. Bounds: labels are configured
// peers, layers and reasons only. Ownership: borrows the handler.
#pragma once

#include <memory>
#include <string>

#include "impl/base/result.h"
#include "impl/env/real/router_handler.h"

namespace prefixmesh {

class MetricsServer {
 public:
  // Serves /metrics on `listen` (host:port). kUnavailable when the port is in use.
  static Result<std::unique_ptr<MetricsServer>> Start(const std::string& listen, RouterHandler& handler);
  ~MetricsServer();

 private:
  MetricsServer();
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace prefixmesh
