#include "loadgen/worker/worker_metrics.h"

#include <vector>

#include "impl/figures/metrics_text.h"
#include "impl/figures/page_figures.h"

namespace prefixmesh::load {

std::string WorkerMetricsPage(const WorkerPool& pool) {
  std::vector<MetricsSource> workers;
  for (std::size_t i = 0; i < pool.addresses().size(); ++i) {
    const WorkerFigures figures = pool.Figures(i);
    Readings readings;
    readings.Set(WorkerPageFigure("requests"), figures.requests);
    readings.Set(WorkerPageFigure("prompt_bytes"), figures.prompt_bytes);
    readings.Set(WorkerPageFigure("cached_bytes"), figures.cached_bytes);
    readings.Set(WorkerPageFigure("evicted_blocks"), figures.evicted_blocks);
    readings.Set(WorkerPageFigure("cached_blocks"), figures.cached.blocks);
    readings.Set(WorkerPageFigure("running"), std::uint64_t{figures.running});
    readings.Set(WorkerPageFigure("waiting"), std::uint64_t{figures.waiting});
    workers.push_back({pool.addresses()[i].name, std::move(readings)});
  }
  return MetricsText(kWorkerPageFigures, "worker", workers);
}

}  // namespace prefixmesh::load
