// metrics_text.h — readings as a page of Prometheus metrics: every figure that has a metric, in its base unit.
//
// Nothing is counted twice: a scrape reads what a process keeps anyway and allocates only the scrape itself. The names
// are the rows' (listed in dashboards/metrics.md); what grows only is a counter, all else a gauge. A figure without a
// number is left out. Threads: pure. Bounds: the readings'.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "impl/figures/figure.h"
#include "impl/figures/readings.h"

namespace prefixmesh {

// Whose readings they are: what the page's own label says of them.
struct MetricsSource {
  std::string name;
  Readings readings;
};

// In Prometheus' text exposition format. `label`: of the sources' names; empty for a process that is alone.
std::string MetricsText(std::span<const Figure> figures, std::string_view label,
                        std::span<const MetricsSource> sources);

}  // namespace prefixmesh
