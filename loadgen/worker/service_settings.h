// service_settings.h — the [workers] section of a scenario as a service model's options.
// Threads: pure. Units: of both. Ownership: values. Errors, time, bounds: none.
#pragma once

#include <cmath>
#include <vector>

#include "loadgen/settings/settings.h"
#include "loadgen/worker/service_model.h"

namespace prefixmesh::load {

// Of a worker that takes so many times as long.
inline ServiceOptions ServiceOf(const Settings::Workers& workers, double times = 1) {
  ServiceOptions service;
  service.concurrency = workers.concurrency;
  service.prefill_per_block = Time(static_cast<std::int64_t>(workers.prefill_us_per_block * 1000 * times));
  service.decode = Time(static_cast<std::int64_t>(workers.decode_ms * 1e6 * times));
  service.cache_blocks = workers.cache_blocks;
  return service;
}

// How many of them, the last ones, are slow.
inline std::size_t SlowWorkers(const Settings::Workers& workers) {
  return static_cast<std::size_t>(std::llround(workers.slow_share * static_cast<double>(workers.count)));
}

// Each of them, in order.
inline std::vector<ServiceOptions> ServicesOf(const Settings::Workers& workers) {
  std::vector<ServiceOptions> services(workers.count, ServiceOf(workers));
  for (std::size_t i = workers.count - SlowWorkers(workers); i < workers.count; ++i)
    services[i] = ServiceOf(workers, workers.slow_factor);
  return services;
}

}  // namespace prefixmesh::load
