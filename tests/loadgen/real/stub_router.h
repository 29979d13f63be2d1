// stub_router.h — routers that are just enough for the load side's own tests: they share one map of which worker has
// which block, as if a sync without any delay ran between them, and forward to real workers.
// Threads: gRPC's synchronous ones. Errors: an unreachable worker gives UNAVAILABLE. Not a model of the real router.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "loadgen/drive/driver.h"
#include "loadgen/worker/worker_pool.h"

namespace prefixmesh::load {

class StubRouters {
 public:
  // `shared`: what one learns all know; otherwise each knows only its own.
  static std::unique_ptr<StubRouters> Start(std::size_t count, const std::vector<WorkerAddress>& workers, bool shared);
  virtual ~StubRouters() = default;
  virtual std::vector<RouterAddress> addresses() const = 0;
  virtual void Stop(std::size_t router) = 0;
};

}  // namespace prefixmesh::load
