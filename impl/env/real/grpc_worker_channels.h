// grpc_worker_channels.h — this router's connections to its workers, and the health checks over them (the Hello call).
//
// Threads: Add before traffic, Stop after it; the rest from any thread. Errors: an unreachable worker answers
// kUnavailable. Time: a check has `timeout`, on the machine's clock. Bounds: one channel per worker, the caller's
// checks. Ownership: owns the channels.
#pragma once

#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "impl/base/ids.h"
#include "impl/base/mutex.h"
#include "impl/env/env.h"
#include "impl/env/worker_transport.h"

namespace grpc {
class Channel;
}

namespace prefixmesh {

class GrpcWorkerChannels final : public WorkerTransport {
 public:
  // `router` is this router's name, as workers log it.
  GrpcWorkerChannels(std::string router, Time timeout) : router_(std::move(router)), timeout_(timeout) {}
  ~GrpcWorkerChannels() override { Stop(); }

  void Add(WorkerIndex worker, const std::string& address);
  const std::shared_ptr<grpc::Channel>& channel(WorkerIndex worker) const { return channels_.at(worker.value); }

  // The answer runs on a gRPC thread; after Stop within the call.
  void CheckHealth(WorkerIndex worker, Incarnation registered, Answer answer) override;
  // Ends the checks under way; when it returns every one has been answered. Idempotent.
  void Stop();

 private:
  struct Check;

  const std::string router_;
  const Time timeout_;
  std::vector<std::shared_ptr<grpc::Channel>> channels_;

  Mutex mutex_;
  CondVar changed_;
  bool stopping_ PREFIXMESH_GUARDED_BY(mutex_) = false;
  std::unordered_set<Check*> under_way_ PREFIXMESH_GUARDED_BY(mutex_);  // each owned by its callback
};

}  // namespace prefixmesh
