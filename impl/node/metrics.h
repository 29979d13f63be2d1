// metrics.h — a router's Prometheus metrics: the Status figures as gauges and counters, collected at scrape time.
//
// Nothing is counted twice: a scrape reads what the router keeps anyway and allocates only the scrape itself.
// Names are listed in dashboards/metrics.md. Threads: any. Bounds: labels are configured
// peers, layers and reasons only. Ownership: borrows the handler.
#pragma once

#include <string>

#include "impl/env/real/router_handler.h"

namespace prefixmesh {

// The page of this moment, in Prometheus' exposition format.
std::string RouterMetricsPage(RouterHandler& handler);

}  // namespace prefixmesh
