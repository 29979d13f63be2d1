// worker_metrics.h — what the workers say of themselves, for a Prometheus scrape; read when asked, nothing kept.
// Threads: Collect on the exposer's. Ownership: borrows the pool. Errors: none.
#pragma once

#include <prometheus/collectable.h>

#include <vector>

#include "loadgen/worker/worker_pool.h"

namespace prefixmesh::load {

class WorkerMetrics final : public prometheus::Collectable {
 public:
  explicit WorkerMetrics(const WorkerPool& pool) : pool_(pool) {}
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const WorkerPool& pool_;
};

}  // namespace prefixmesh::load
