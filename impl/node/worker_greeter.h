// worker_greeter.h — says hello to this router's workers; the answers say who is healthy and who has a new life.
//
//   at the start  whoever has not answered yet is greeted every `retry`, until all have
//   always        everyone is greeted every `period`: after `misses_max` misses in a row a worker is unhealthy, and one
//                 answer makes it healthy again. A healthy one that answered a request since the last beat is left out:
//                 hellos are for the quiet
//   at once       a worker below its register is told, so that it can take the value + 1 (Tell)
//   at once       a worker of which a peer knows another life is asked (Check), at most every `check_period`
//
// Health is this router's own view: it is never told to peers. A request that breaks off makes a worker unhealthy too,
// at once and elsewhere (router_node.h); the next answer heals it.
//
// Threads:  any; one mutex, not held while a hello is sent or an answer is handed on. Beats run on the executor.
// Time:     Clock and Executor; the deadline of a hello is the caller's.
// Bounds:   one hello under way per worker, so a hung one costs no more than a healthy one.
// Ownership: borrows all it is given. Stop must come before any of it goes. Errors: a miss is counted, no more.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "impl/base/log_limiter.h"
#include "impl/base/mutex.h"
#include "impl/base/result.h"
#include "impl/env/env.h"
#include "impl/env/real/grpc_worker_channels.h"
#include "impl/route/fleet.h"

namespace prefixmesh {

struct GreeterOptions {
  Time period = std::chrono::seconds(1);
  Time retry = std::chrono::milliseconds(200);
  // A hung worker is found after about misses_max * period. Lower finds it sooner, and takes a slow one for hung
  // sooner.
  std::uint32_t misses_max = 3;
  // Peers make a router greet one worker so often at most, whatever they say.
  Time check_period = std::chrono::seconds(1);
};

class WorkerGreeter {
 public:
  using Answer = std::function<void(const Result<WorkerGreeting>&)>;
  // Sends one hello that tells what the register says. Calls the answer exactly once, on any thread, or within the
  // call.
  using Hello = std::function<void(WorkerIndex, Incarnation registered, Answer)>;
  // Hears every answer before the worker counts as healthy. Raises the register.
  using OnGreeting = std::function<void(WorkerIndex, const WorkerGreeting&)>;

  WorkerGreeter(const GreeterOptions& options, const Clock& clock, Executor& executor, Fleet& fleet,
                const std::vector<WorkerIndex>& workers, Hello hello, OnGreeting on_greeting);

  void Start();
  // Waits until every worker answered once, or the deadline. Returns those that did not.
  std::vector<WorkerIndex> WaitForAll(Time deadline);
  // The register stands above what this worker last said. Greets it at once, unless it was told that value already
  // (then the beat tells it again) or is not one of this router's.
  void Tell(WorkerIndex worker);
  // A peer knows another life of this worker than it told here. Greets it at once, or when the last check is
  // check_period ago.
  void Check(WorkerIndex worker);
  // This worker answered a request, and is not below its register. Cheap: one relaxed store.
  void Heard(WorkerIndex worker) { heard_[worker.value].store(true, std::memory_order_relaxed); }
  // No hello begins after it, and none is under way when it returns. Idempotent.
  void Stop();

 private:
  struct State {
    bool answered = false;  // ever
    bool under_way = false;
    std::uint32_t misses = 0;  // in a row
    Incarnation told;          // the highest value it answered to
    Time checked_at{-1};       // < 0: never
    bool check_posted = false;
  };

  void Beat();
  void Greet(WorkerIndex worker);
  void Send(WorkerIndex worker);
  void Answered(WorkerIndex worker, Incarnation told, const Result<WorkerGreeting>& greeting);
  void NoteHealth(WorkerIndex worker, const State& state, const Result<WorkerGreeting>& greeting)
      PREFIXMESH_REQUIRES(mutex_);
  std::size_t SilentLocked() const PREFIXMESH_REQUIRES(mutex_);

  const GreeterOptions options_;
  const Clock& clock_;
  Executor& executor_;
  Fleet& fleet_;
  const Hello hello_;
  const OnGreeting on_greeting_;
  const std::unique_ptr<std::atomic<bool>[]> heard_;  // by worker, since the last beat

  Mutex mutex_;
  CondVar changed_;
  std::map<WorkerIndex, State> states_ PREFIXMESH_GUARDED_BY(mutex_);  // the keys are constant after construction
  std::size_t under_way_ PREFIXMESH_GUARDED_BY(mutex_) = 0;
  LogLimiter log_ PREFIXMESH_GUARDED_BY(mutex_);  // by worker and line
  bool stopping_ PREFIXMESH_GUARDED_BY(mutex_) = false;
  Time everyone_at_ PREFIXMESH_GUARDED_BY(mutex_){0};  // when the last beat that greets everyone was
};

}  // namespace prefixmesh
