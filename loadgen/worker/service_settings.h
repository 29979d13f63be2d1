// service_settings.h — the [workers] section of a scenario as a service model's options.
// Threads: pure. Units: of both. Ownership: values. Errors, time, bounds: none.
#pragma once

#include "loadgen/settings/settings.h"
#include "loadgen/worker/service_model.h"

namespace prefixmesh::load {

inline ServiceOptions ServiceOf(const Settings::Workers& workers) {
  ServiceOptions service;
  service.concurrency = workers.concurrency;
  service.prefill_per_block = Time(static_cast<std::int64_t>(workers.prefill_us_per_block * 1000));
  service.decode = Time(static_cast<std::int64_t>(workers.decode_ms * 1e6));
  service.cache_blocks = workers.cache_blocks;
  return service;
}

}  // namespace prefixmesh::load
