// worker_transport.h — how a router reaches its workers, as far as its own state depends on what they answer. What
// requests and replies carry goes past it: the call that took a request forwards it (env/real/generate_call.cc).
//
// Threads: CheckHealth from any; the answer on any thread, or within the call. Ownership: implementations own the
// connections. Errors: a worker that cannot be reached, or does not answer in time, is kUnavailable. Time: the deadline
// is the implementation's. Bounds: the caller has one check under way per worker.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "impl/base/ids.h"
#include "impl/base/result.h"

namespace prefixmesh {

// What a worker says of itself.
struct HealthReply {
  Incarnation incarnation;
  std::vector<std::string> models;
  std::uint64_t slots = 0;     // requests that it serves at once; 0: it does not say
  std::uint64_t requests = 0;  // that it has, running and waiting
};

class WorkerTransport {
 public:
  using Answer = std::function<void(const Result<HealthReply>&)>;
  virtual ~WorkerTransport() = default;

  // Asks the worker for its incarnation and models, and sends it the value of its register. Calls `answer`
  // exactly once.
  virtual void CheckHealth(WorkerIndex worker, Incarnation registered, Answer answer) = 0;
};

}  // namespace prefixmesh
