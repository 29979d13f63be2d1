// router_client.h — how the suite talks to a running router or worker: status, phases. Blocking, with a deadline.
// Threads: any. Errors: kUnavailable within the deadline. Ownership: owns its channel.
#pragma once

#include <memory>
#include <string>

#include "impl/base/result.h"
#include "impl/env/env.h"

namespace prefixmesh::v1 {
class RouterStatus;
class WorkerStatus;
}  // namespace prefixmesh::v1

namespace prefixmesh::bench {

class RouterClient {
 public:
  explicit RouterClient(const std::string& address);
  ~RouterClient();
  RouterClient(RouterClient&&) noexcept;

  // The standard gRPC health service says SERVING.
  bool Healthy();
  Status ReadStatus(v1::RouterStatus& status);
  Status BeginPhase(const std::string& phase);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// One worker's counters.
Status ReadWorkerStatus(const std::string& address, v1::WorkerStatus& status);

}  // namespace prefixmesh::bench
