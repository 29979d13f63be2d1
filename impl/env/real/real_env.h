// real_env.h — start here for the real world: Clock, Random and Executor as a process has them, which are the monotonic
// clock, a seeded generator, one thread. Beside it are sockets, gRPC and /metrics.
//
// gRPC stays in here. What is outside gets an abstract class from its factory (GrpcSyncTransport, GrpcRouterServer,
// GrpcWorkerChannels), so that its headers reach only targets that name it; loadgen and bench do the same with theirs.
//
// Threads: all methods from any thread. LoopThread runs tasks on one thread of its own, in order of (due time,
// posting). Ownership: values. Bounds: tasks are bounded by who posts (one frame per peer, one tick per stream).
// Errors: none.
#pragma once

#include <cstdint>
#include <map>
#include <thread>
#include <utility>

#include "impl/base/mutex.h"
#include "impl/base/prng.h"
#include "impl/env/env.h"

namespace prefixmesh {

class RealClock final : public Clock {
 public:
  Time Now() const override;  // CLOCK_MONOTONIC
};

class RealRandom final : public Random {
 public:
  explicit RealRandom(std::uint64_t seed) : prng_(seed) {}
  std::uint64_t Next() override {
    MutexLock lock(mutex_);
    return prng_.Next();
  }

 private:
  Mutex mutex_;
  Prng prng_ PREFIXMESH_GUARDED_BY(mutex_);
};

class LoopThread final : public Executor {
 public:
  LoopThread();
  ~LoopThread() override;  // stops; tasks that did not run are dropped

  void Post(std::function<void()> task) override;
  void PostAt(Time when, std::function<void()> task) override;
  // After it returns no task runs any more. Idempotent. Not from a task.
  void Stop();
  // CPU time this loop has used.
  Time CpuUsed() const;

 private:
  void Run();

  Mutex mutex_;
  CondVar wake_;
  bool stopping_ PREFIXMESH_GUARDED_BY(mutex_) = false;
  std::uint64_t posted_ PREFIXMESH_GUARDED_BY(mutex_) = 0;
  std::map<std::pair<Time, std::uint64_t>, std::function<void()>> tasks_ PREFIXMESH_GUARDED_BY(mutex_);
  std::thread thread_;
};

// CPU time of the calling thread, for decision_cpu_us.
Time ThreadCpuNow();

// Incarnations that no other process has had: wall clock nanoseconds with the process id mixed in. Unique, not ordered.
std::uint64_t NewIncarnation();
class ProcessIdentity final : public Random {
 public:
  std::uint64_t Next() override { return NewIncarnation(); }
};

}  // namespace prefixmesh
