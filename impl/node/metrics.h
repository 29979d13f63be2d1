// metrics.h — a router's report as a page of Prometheus metrics: every figure that has a metric, in its base unit.
//
// Nothing is counted twice: a scrape reads what the router keeps anyway and allocates only the scrape itself. The names
// are the rows' (impl/figures/router_figures.h, listed in dashboards/metrics.md); what grows only is a counter, all
// else a gauge. A figure without a number is left out. Threads: pure. Bounds: the report's.
#pragma once

#include <string>

#include "impl/figures/router_report.h"

namespace prefixmesh {

// In Prometheus' text exposition format.
std::string RouterMetricsPage(const RouterReport& report);

}  // namespace prefixmesh
