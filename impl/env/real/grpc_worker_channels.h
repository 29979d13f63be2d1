// grpc_worker_channels.h — this router's connections to its workers, and the health checks over them (the Hello call).
//
// Threads: Add before traffic, Stop after it; the rest from any thread. Errors: an unreachable worker answers
// kUnavailable; a check's answer runs on a gRPC thread, after Stop within the call. Time: a check has `timeout`, on the
// machine's clock. Bounds: two connections per worker, the caller's checks. Ownership: owns the channels.
//
// Checks have a connection of their own: behind requests, of which a worker takes so many a connection, they would be
// late, and a worker that is busy would look like one that is dead.
#pragma once

#include <memory>
#include <string>

#include "impl/base/ids.h"
#include "impl/env/env.h"
#include "impl/env/worker_transport.h"

namespace grpc {
class Channel;
}

namespace prefixmesh {

class GrpcWorkerChannels : public WorkerTransport {
 public:
  // `router` is this router's name, as workers log it.
  static std::unique_ptr<GrpcWorkerChannels> Make(std::string router, Time timeout);

  virtual void Add(WorkerIndex worker, const std::string& address) = 0;
  // For the calls of a server (generate_call.h).
  virtual const std::shared_ptr<grpc::Channel>& channel(WorkerIndex worker) const = 0;
  struct Checks {
    std::uint64_t sent = 0;
    Time asking{0}, answered{0};  // CPU time of the threads that called CheckHealth, and of those that had the answers
  };
  virtual Checks checks() const = 0;
  // Ends the checks under way; when it returns every one has been answered. Idempotent.
  virtual void Stop() = 0;
};

}  // namespace prefixmesh
