// worker_health.h — checks this router's workers; the replies say which are healthy and which have a new incarnation.
//
//   at the start  a worker that has not replied yet is checked every `retry`, until all have
//   always        every worker is checked every `period`: after `misses_max` misses in a row it is unhealthy, and one
//                 reply makes it healthy again. Checks are for the quiet; of those that replied to the last one, these
//                 are left out:
//                 * one that replied to a request of this router since the last tick
//                 * one where a peer's request ended since then, for less than `misses_max` periods in a row: it may
//                   have failed
//                 * one where this router has nothing in flight (whatever peers have), but for every n-th period: n is
//                   `idle_periods` for this router and as many for each peer that tells its loads, kRoutersInTurn
//                   routers in all at most, so that all together ask an idle worker that they share about every
//                   `idle_periods`
//   at once       a worker below its register is notified, so that it can take the value + 1 (NotifyRegister)
//   at once       a worker of which a peer knows another incarnation is checked (Recheck), at most every
//                 `recheck_period`, and so is one that a peer does not reach (Suspect), unless it replied here in the
//                 last `misses_max` periods
//
// Health is this router's own view; what it does not reach, the strategy tells peers, who look for themselves. A
// request that breaks off makes a worker unhealthy too, at once and elsewhere (router_core.h); the next reply heals it.
//
// Threads:  any; one mutex, not held while a check is sent or a reply is handed on. Ticks run on the executor.
// Time:     Clock and Executor; the deadline of a check is the transport's.
// Bounds:   one check under way per worker, so a hung one costs no more than a healthy one.
// Ownership: borrows all it is given. The transport must have stopped before any of it goes. Errors: a miss is counted,
//           no more.
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
#include "impl/env/worker_transport.h"
#include "impl/route/fleet.h"

namespace prefixmesh {

inline constexpr std::size_t kRoutersInTurn = 8;

struct HealthOptions {
  Time period = std::chrono::seconds(1);
  Time retry = std::chrono::milliseconds(200);
  // A hung worker is found after about misses_max * period. Lower finds it sooner, and takes a slow one for hung
  // sooner.
  std::uint32_t misses_max = 3;
  // Higher costs less, and an idle worker that went away is found so much later: nobody waits for it meanwhile, and the
  // first request to it finds out.
  std::uint32_t idle_periods = 8;
  // Peers make a router check one worker so often at most, whatever they say.
  Time recheck_period = std::chrono::seconds(1);
  // When idle workers have their turns: another number in each router.
  std::uint64_t phases = 0;
};

class WorkerHealthChecker {
 public:
  // Called with every reply before the worker counts as healthy; raises the register. False: the reply cannot be, and
  // counts as a miss.
  using OnReply = std::function<bool(WorkerIndex, const HealthReply&)>;

  WorkerHealthChecker(const HealthOptions& options, const Clock& clock, Executor& executor, Fleet& fleet,
                      const std::vector<WorkerIndex>& workers, WorkerTransport& transport, OnReply on_reply);

  void Start();
  // The workers that never replied.
  std::vector<WorkerIndex> Silent() const;
  // The register stands above what this worker last said. Checks it at once, unless it was sent that value already
  // (then the tick sends it again) or is not one of this router's.
  void NotifyRegister(WorkerIndex worker);
  // A peer knows another incarnation of this worker than it said here. Checks it at once, or when the last recheck is
  // recheck_period ago.
  void Recheck(WorkerIndex worker);
  // A peer does not reach this worker. As Recheck; one miss is enough then. What replied of late is not suspected.
  void Suspect(WorkerIndex worker);
  // This worker replied to a request, and is not below its register. Cheap: one relaxed store.
  void NoteReply(WorkerIndex worker) { replied_[worker.value].store(true, std::memory_order_relaxed); }
  // No check begins after it; one that is under way may still be answered. Idempotent.
  void Stop();

 private:
  struct State {
    bool replied = false;  // ever
    bool under_way = false;
    bool suspected = false;     // a peer did not reach it, and it has not replied since
    std::uint32_t misses = 0;   // in a row
    std::uint64_t unheard = 0;  // periods since it replied to this router
    Time replied_at{0};         // when that was seen
    Incarnation notified;       // the highest value it replied to
    Time rechecked_at{-1};      // < 0: never
    bool recheck_posted = false;
  };

  void Tick();
  bool LeftOut(WorkerIndex worker, State& state) PREFIXMESH_REQUIRES(mutex_);
  void Check(WorkerIndex worker);
  void Send(WorkerIndex worker);
  void Answered(WorkerIndex worker, Incarnation notified, const Result<HealthReply>& answer);
  void SetHealth(WorkerIndex worker, const State& state, const Status& answer) PREFIXMESH_REQUIRES(mutex_);
  bool AnySilent() const PREFIXMESH_REQUIRES(mutex_);

  const HealthOptions options_;
  const Clock& clock_;
  Executor& executor_;
  Fleet& fleet_;
  WorkerTransport& transport_;
  const OnReply on_reply_;
  const std::unique_ptr<std::atomic<bool>[]> replied_;  // by worker, since the last tick

  mutable Mutex mutex_;
  std::map<WorkerIndex, State> states_ PREFIXMESH_GUARDED_BY(mutex_);  // the keys are constant after construction
  LogLimiter log_ PREFIXMESH_GUARDED_BY(mutex_);                       // by worker and line
  bool stopping_ PREFIXMESH_GUARDED_BY(mutex_) = false;
  Time all_checked_at_ PREFIXMESH_GUARDED_BY(mutex_){0};  // the last tick of a period
  std::uint64_t periods_ PREFIXMESH_GUARDED_BY(mutex_) = 0;
};

}  // namespace prefixmesh
