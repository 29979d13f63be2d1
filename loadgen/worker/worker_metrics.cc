#include "loadgen/worker/worker_metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <vector>

namespace prefixmesh::load {
namespace {

struct Row {
  const char* name;
  const char* help;
  bool counter;
  std::uint64_t (*read)(const WorkerFigures&);
};

constexpr Row kRows[] = {
    {"prefixmesh_worker_requests_total", "Requests whose prefill has ended", true,
     [](const WorkerFigures& f) { return f.requests; }},
    {"prefixmesh_worker_prompt_bytes_total", "Prompt bytes of those requests", true,
     [](const WorkerFigures& f) { return f.prompt_bytes; }},
    {"prefixmesh_worker_cached_bytes_total", "Prompt bytes found in the KV cache", true,
     [](const WorkerFigures& f) { return f.cached_bytes; }},
    {"prefixmesh_worker_evicted_blocks_total", "Blocks dropped from the KV cache", true,
     [](const WorkerFigures& f) { return f.evicted_blocks; }},
    {"prefixmesh_worker_cached_blocks", "Blocks in the KV cache", false,
     [](const WorkerFigures& f) { return f.cached_blocks; }},
    {"prefixmesh_worker_running_requests", "Requests in prefill or decode", false,
     [](const WorkerFigures& f) { return std::uint64_t{f.running}; }},
    {"prefixmesh_worker_waiting_requests", "Requests that wait for a slot", false,
     [](const WorkerFigures& f) { return std::uint64_t{f.waiting}; }},
};

}  // namespace

std::string WorkerMetricsPage(const WorkerPool& pool) {
  std::vector<prometheus::MetricFamily> families;
  for (const Row& row : kRows) {
    prometheus::MetricFamily family;
    family.name = row.name;
    family.help = row.help;
    family.type = row.counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
    for (std::size_t i = 0; i < pool.addresses().size(); ++i) {
      prometheus::ClientMetric metric;
      metric.label.push_back({"worker", pool.addresses()[i].name});
      const auto value = static_cast<double>(row.read(pool.Figures(i)));
      (row.counter ? metric.counter.value : metric.gauge.value) = value;
      family.metric.push_back(std::move(metric));
    }
    families.push_back(std::move(family));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace prefixmesh::load
