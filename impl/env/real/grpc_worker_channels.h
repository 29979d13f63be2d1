// grpc_worker_channels.h — this router's connections to its workers, and the hello that asks who is there.
//
// Threads: Add before traffic; the rest from any thread. Errors: an unreachable worker answers kUnavailable.
// Bounds: one channel per worker. Ownership: owns the channels.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "impl/base/ids.h"
#include "impl/base/result.h"
#include "impl/env/env.h"

namespace grpc {
class Channel;
}

namespace prefixmesh {

struct WorkerGreeting {
  std::string name;
  Incarnation incarnation;
  std::vector<std::string> models;
};

class GrpcWorkerChannels {
 public:
  void Add(WorkerIndex worker, const std::string& address);
  const std::shared_ptr<grpc::Channel>& channel(WorkerIndex worker) const { return channels_.at(worker.value); }

  // Asks the worker for its name, incarnation and models; tells it what the register says of it. `done` runs on a gRPC
  // thread, exactly once, within `timeout`.
  void Hello(WorkerIndex worker, const std::string& router, Incarnation registered, Time timeout,
             std::function<void(Result<WorkerGreeting>)> done);

 private:
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
};

}  // namespace prefixmesh
