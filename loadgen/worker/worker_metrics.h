// worker_metrics.h — what the workers say of themselves, for a Prometheus scrape; read when asked, nothing kept.
// Threads: any. Ownership: borrows the pool for the call. Errors: none.
#pragma once

#include <string>

#include "loadgen/worker/worker_pool.h"

namespace prefixmesh::load {

// The page of this moment, in Prometheus' exposition format.
std::string WorkerMetricsPage(const WorkerPool& pool);

}  // namespace prefixmesh::load
