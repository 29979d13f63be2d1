// worker_client.h — how the suite talks to one of the fake workers: what it says of itself, and what is done to it.
// Threads: one at a time. Errors: kUnavailable, within a second: a worker that is down is asked again as soon as it is
// up, by the next call. Ownership: owns its channel. Bounds: one call under way.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "impl/base/result.h"

namespace prefixmesh::v1 {
class SampledBlocks;
class WorkerStatus;
}  // namespace prefixmesh::v1

namespace prefixmesh::bench {

class WorkerClient {
 public:
  static std::unique_ptr<WorkerClient> Make(const std::string& address);
  virtual ~WorkerClient() = default;

  virtual Status ReadStatus(v1::WorkerStatus& status) = 0;
  virtual Status ReadSample(v1::SampledBlocks& sample) = 0;
  virtual Status ClearCache() = 0;
  virtual Status Restart(std::uint32_t down_ms) = 0;
};

}  // namespace prefixmesh::bench
