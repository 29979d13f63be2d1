// worker_engine.h — the service models of all workers of a process on the real clock: one lock, one timer thread.
//
// Threads: Submit and Cancel from any; sinks are called on the timer thread with no lock held, one request's calls in
// order. Time: the Clock given. Ownership: a sink lives until its last call or Cancel. Errors: none. Bounds: none of
// its own; an open-loop client decides how many requests wait. (Rejected: a thread per worker; 20 timers do not
// need 20.)
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "impl/base/block_sum.h"
#include "impl/base/mutex.h"
#include "impl/env/env.h"
#include "impl/kvevents/event_buffer.h"
#include "impl/kvevents/kv_event.h"
#include "loadgen/worker/event_log.h"
#include "loadgen/worker/service_model.h"

namespace prefixmesh::load {

class ServiceSink {
 public:
  virtual ~ServiceSink() = default;
  virtual void OnPrefillEnded(std::uint32_t cached_blocks, std::uint64_t cache_events) = 0;
  virtual void OnFinished() = 0;
};

struct WorkerFigures {
  std::uint64_t requests = 0;  // prefills ended
  std::uint64_t prompt_bytes = 0;
  std::uint64_t cached_bytes = 0;
  std::uint64_t again_bytes = 0;  // prefilled although another worker had them
  BlockSum cached = {};
  std::uint64_t evicted_blocks = 0;
  std::uint32_t running = 0;
  std::uint32_t waiting = 0;
  std::uint32_t queue_max = 0;  // the most that it ever had, running and waiting
};

class WorkerEngine {
 public:
  // A worker each, in order: one fleet (held_blocks.h). `events_kept` of each are kept; 0: it keeps none, and its
  // events have no numbers.
  WorkerEngine(std::vector<ServiceOptions> workers, const Clock& clock, std::size_t events_kept = 0);
  ~WorkerEngine();
  WorkerEngine(const WorkerEngine&) = delete;
  WorkerEngine& operator=(const WorkerEngine&) = delete;

  // Sinks and listener are called no more when it returns. Idempotent.
  void Stop() PREFIXMESH_EXCLUDES(mutex_);

  // Returns a ticket for Cancel. `block_bytes` is what one block of this chain counts for.
  std::uint64_t Submit(std::size_t worker, std::vector<NodeId> chain, std::uint64_t prompt_bytes,
                       std::uint32_t block_bytes, std::shared_ptr<ServiceSink> sink) PREFIXMESH_EXCLUDES(mutex_);
  void Cancel(std::size_t worker, std::uint64_t ticket) PREFIXMESH_EXCLUDES(mutex_);
  WorkerFigures Figures(std::size_t worker) const PREFIXMESH_EXCLUDES(mutex_);
  // Of its cache (block_sum.h).
  std::vector<NodeId> Sample(std::size_t worker) const PREFIXMESH_EXCLUDES(mutex_);

  // As after a reset of the engine.
  void ClearCache(std::size_t worker) PREFIXMESH_EXCLUDES(mutex_);
  // As after the end of its process: what it was asked is forgotten, its sinks are called no more, its cache is empty
  // and its events are numbered anew. Its figures go on.
  void Restart(std::size_t worker) PREFIXMESH_EXCLUDES(mutex_);

  // The rest is of workers that keep their events. `listener` hears of a worker that has new ones, on the timer thread
  // or on that of ClearCache, with no lock held.
  bool keeps_events() const { return events_kept_ > 0; }
  void SetListener(std::function<void(std::size_t worker)> listener) PREFIXMESH_EXCLUDES(mutex_);
  // At most `events_max` of those above `last`, the oldest first; if the next one is gone, from the oldest that is
  // there.
  struct NewEvents {
    std::uint64_t generation = 0, newest = 0;
    std::vector<kvevents::KvEvent> events;
  };
  NewEvents EventsAfter(std::size_t worker, std::uint64_t last, std::size_t events_max) const
      PREFIXMESH_EXCLUDES(mutex_);
  // A dump comes as Events without numbers, with the watermark that it is at least as new as.
  struct AnsweredRange {
    std::uint64_t generation = 0;
    kvevents::Answer answer;
    std::vector<kvevents::KvEvent> dump;  // of a TreeDump
  };
  AnsweredRange QueryEvents(std::size_t worker, std::optional<std::uint64_t> start,
                            std::optional<std::uint64_t> end) const PREFIXMESH_EXCLUDES(mutex_);

 private:
  struct Pending {
    std::size_t worker = 0;
    std::uint64_t prompt_bytes = 0;
    std::uint32_t block_bytes = 0;
    std::shared_ptr<ServiceSink> sink;
  };
  struct Worker {
    ServiceOptions options;            // without events
    std::unique_ptr<EventLog> events;  // of this life; null: none are kept
    std::unique_ptr<ServiceModel> model;
    WorkerFigures figures;  // of all lives but the last one's cache
  };
  void BeginLife(Worker& worker) PREFIXMESH_REQUIRES(mutex_);
  struct Call {
    std::shared_ptr<ServiceSink> sink;
    ServiceEvent event;
    std::uint64_t cache_events = 0;
  };
  void Run() PREFIXMESH_EXCLUDES(mutex_);
  // And the workers that have new events.
  void CollectDue(std::vector<Call>& calls, std::vector<std::size_t>& told) PREFIXMESH_REQUIRES(mutex_);

  const Clock& clock_;
  const std::size_t events_kept_;
  mutable Mutex mutex_;
  CondVar changed_;
  bool stopping_ PREFIXMESH_GUARDED_BY(mutex_) = false;
  Time armed_ PREFIXMESH_GUARDED_BY(mutex_) = Time::max();  // when the timer thread will look next
  std::uint64_t next_ticket_ PREFIXMESH_GUARDED_BY(mutex_) = 1;
  HeldBlocks held_ PREFIXMESH_GUARDED_BY(mutex_);
  std::vector<Worker> workers_ PREFIXMESH_GUARDED_BY(mutex_);
  std::map<std::uint64_t, Pending> pending_ PREFIXMESH_GUARDED_BY(mutex_);
  std::function<void(std::size_t)> listener_ PREFIXMESH_GUARDED_BY(mutex_);
  std::thread timer_;
};

}  // namespace prefixmesh::load
