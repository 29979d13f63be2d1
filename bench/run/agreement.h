// agreement.h — how far each router's index of KV events is what the workers hold, while the load goes on: precision
// (of the blocks that the index says that a worker has, the part that it has) and recall (of those that it has, the
// part that the index knows), over a sample of one block in BlockSum::kSampleOf.
//
// A worker is asked first and the routers after it, so that what the cache does in these milliseconds counts against
// both: under load a few in ten thousand.
//
// Threads: one. Time: up to a second for each worker that does not answer. Ownership: owns its channels. Errors: a
// worker that does not answer is left out, and what is left of nothing is no number. Bounds: kWorkersMax workers a
// time, in turns.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/run/router_client.h"
#include "bench/run/worker_client.h"

namespace prefixmesh::v1 {
class HeldByWorker;
}  // namespace prefixmesh::v1

namespace prefixmesh::bench {

// Whether what a router believes of a worker is that worker's cache, block by block (block_sum.h).
bool IsCacheOf(const v1::HeldByWorker& believed, const v1::WorkerStatus& worker);

class Agreement {
 public:
  static constexpr std::size_t kWorkersMax = 20;

  struct Shares {
    std::optional<double> precision, recall;
  };

  // Name and address of each worker.
  void Begin(const std::vector<std::pair<std::string, std::string>>& workers);
  // Of each router, null ones too, in their order.
  std::vector<Shares> Ask(const std::vector<RouterClient*>& routers);

 private:
  std::vector<std::unique_ptr<WorkerClient>> workers_;
  std::size_t next_ = 0;
};

}  // namespace prefixmesh::bench
