#include "loadgen/worker/worker_engine.h"

#include <algorithm>
#include <chrono>

#include "impl/base/check.h"
#include "loadgen/clock/process.h"

namespace prefixmesh::load {

WorkerEngine::WorkerEngine(std::vector<ServiceOptions> workers, const Clock& clock) : clock_(clock) {
  workers_.reserve(workers.size());
  for (ServiceOptions& options : workers) {
    options.held = &held_;
    workers_.emplace_back(options);
  }
  timer_ = std::thread([this] { Run(); });
}

WorkerEngine::~WorkerEngine() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  timer_.join();
}

std::uint64_t WorkerEngine::Submit(std::size_t worker, std::vector<NodeId> chain, std::uint64_t prompt_bytes,
                                   std::uint32_t block_bytes, std::shared_ptr<ServiceSink> sink) {
  MutexLock lock(mutex_);
  PREFIXMESH_CHECK(worker < workers_.size());
  const std::uint64_t ticket = next_ticket_++;
  pending_.emplace(ticket, Pending{worker, prompt_bytes, block_bytes, std::move(sink)});
  ServiceModel& model = workers_[worker].model;
  model.Arrive(clock_.Now(), ticket, std::move(chain));
  WorkerFigures& figures = workers_[worker].figures;
  figures.queue_max = std::max(figures.queue_max, static_cast<std::uint32_t>(model.running() + model.waiting()));
  if (const auto next = model.NextEvent(); next.has_value() && *next < armed_) changed_.NotifyOne();
  return ticket;
}

void WorkerEngine::Cancel(std::size_t worker, std::uint64_t ticket) {
  std::shared_ptr<ServiceSink> released;  // its destructor runs without the lock
  MutexLock lock(mutex_);
  const auto found = pending_.find(ticket);
  if (found == pending_.end()) return;
  released = std::move(found->second.sink);
  pending_.erase(found);
  workers_[worker].model.Cancel(clock_.Now(), ticket);
  changed_.NotifyOne();
}

WorkerFigures WorkerEngine::Figures(std::size_t worker) const {
  MutexLock lock(mutex_);
  const Worker& entry = workers_[worker];
  WorkerFigures figures = entry.figures;
  figures.cached_blocks = entry.model.cache().size();
  figures.evicted_blocks = entry.model.cache().evicted();
  figures.running = static_cast<std::uint32_t>(entry.model.running());
  figures.waiting = static_cast<std::uint32_t>(entry.model.waiting());
  return figures;
}

void WorkerEngine::CollectDue(std::vector<Call>& calls) {
  std::vector<ServiceEvent> events;
  const Time now = clock_.Now();
  armed_ = Time::max();
  for (Worker& worker : workers_) {
    events.clear();
    worker.model.Advance(now, events);
    for (const ServiceEvent& event : events) {
      const auto found = pending_.find(event.ticket);
      PREFIXMESH_CHECK(found != pending_.end());
      Pending& pending = found->second;
      calls.push_back({pending.sink, event, worker.model.cache_events()});
      if (event.type == ServiceEvent::Type::kPrefillEnded) {
        ++worker.figures.requests;
        worker.figures.prompt_bytes += pending.prompt_bytes;
        worker.figures.cached_bytes += std::uint64_t{event.cached_blocks} * pending.block_bytes;
        worker.figures.again_bytes += std::uint64_t{event.held_blocks - event.cached_blocks} * pending.block_bytes;
      } else {
        pending_.erase(found);
      }
    }
    if (const auto next = worker.model.NextEvent(); next.has_value()) armed_ = std::min(armed_, *next);
  }
}

void WorkerEngine::Run() {
  UseMinimalTimerSlack();
  std::vector<Call> calls;
  while (true) {
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
      CollectDue(calls);
      if (calls.empty()) {
        if (armed_ == Time::max()) {
          changed_.Wait(mutex_);
        } else {
          const auto wait = std::max(armed_ - clock_.Now(), Time(0));
          changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + wait);
        }
        continue;
      }
    }
    for (const Call& call : calls) {
      if (call.event.type == ServiceEvent::Type::kPrefillEnded) {
        call.sink->OnPrefillEnded(call.event.cached_blocks, call.cache_events);
      } else {
        call.sink->OnFinished();
      }
    }
    calls.clear();
  }
}

}  // namespace prefixmesh::load
