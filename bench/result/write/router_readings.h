// router_readings.h — the figures of one router, with those that come of several samples or of several routers.
// Threads: pure. Ownership: values. Errors: what was not measured has a reading that says why.
#pragma once

#include <cstddef>

#include "bench/result/write/measured.h"
#include "impl/figures/readings.h"

namespace prefixmesh::bench {

// Of kRouterGroup, whole. `placements` are the run's.
Readings RouterReadings(const Measured& m, const Readings& placements, std::size_t router);

}  // namespace prefixmesh::bench
