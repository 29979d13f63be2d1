#include "loadgen/worker/worker_engine.h"

#include <algorithm>
#include <chrono>

#include "impl/base/check.h"
#include "loadgen/clock/process.h"

namespace prefixmesh::load {

WorkerEngine::WorkerEngine(std::vector<ServiceOptions> workers, const Clock& clock, std::size_t events_kept)
    : clock_(clock), events_kept_(events_kept) {
  {
    MutexLock lock(mutex_);
    for (ServiceOptions& options : workers) {
      options.held = &held_;
      BeginLife(workers_.emplace_back(Worker{options, nullptr, nullptr, {}}));
    }
  }
  timer_ = std::thread([this] { Run(); });
}

void WorkerEngine::BeginLife(Worker& worker) {
  std::unique_ptr<EventLog> events;
  if (keeps_events()) events = std::make_unique<EventLog>(static_cast<std::uint64_t>(WallClockNs()), events_kept_);
  ServiceOptions options = worker.options;
  options.events = events.get();
  worker.model = std::make_unique<ServiceModel>(options);
  worker.events = std::move(events);
}

WorkerEngine::~WorkerEngine() { Stop(); }

void WorkerEngine::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  if (timer_.joinable()) timer_.join();
}

std::uint64_t WorkerEngine::Submit(std::size_t worker, std::vector<NodeId> chain, std::uint64_t prompt_bytes,
                                   std::uint32_t block_bytes, std::shared_ptr<ServiceSink> sink) {
  MutexLock lock(mutex_);
  PREFIXMESH_CHECK(worker < workers_.size());
  const std::uint64_t ticket = next_ticket_++;
  pending_.emplace(ticket, Pending{worker, prompt_bytes, block_bytes, std::move(sink)});
  ServiceModel& model = *workers_[worker].model;
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
  workers_[worker].model->Cancel(clock_.Now(), ticket);
  changed_.NotifyOne();
}

WorkerFigures WorkerEngine::Figures(std::size_t worker) const {
  MutexLock lock(mutex_);
  const Worker& entry = workers_[worker];
  WorkerFigures figures = entry.figures;
  figures.cached = entry.model->cache().sum();
  figures.evicted_blocks += entry.model->cache().evicted();
  figures.running = static_cast<std::uint32_t>(entry.model->running());
  figures.waiting = static_cast<std::uint32_t>(entry.model->waiting());
  return figures;
}

std::vector<NodeId> WorkerEngine::Sample(std::size_t worker) const {
  MutexLock lock(mutex_);
  return workers_[worker].model->cache().Sample();
}

void WorkerEngine::ClearCache(std::size_t worker) {
  std::function<void(std::size_t)> listener;
  {
    MutexLock lock(mutex_);
    workers_[worker].model->ClearCache();
    listener = listener_;
  }
  if (listener && keeps_events()) listener(worker);
}

void WorkerEngine::Restart(std::size_t worker) {
  std::vector<Pending> released;  // their sinks' destructors run without the lock
  MutexLock lock(mutex_);
  std::erase_if(pending_, [&](auto& each) {
    if (each.second.worker != worker) return false;
    released.push_back(std::move(each.second));
    return true;
  });
  Worker& entry = workers_[worker];
  entry.figures.evicted_blocks += entry.model->cache().evicted();
  entry.model->ClearCache();  // the fleet no longer has it
  BeginLife(entry);
}

void WorkerEngine::SetListener(std::function<void(std::size_t)> listener) {
  MutexLock lock(mutex_);
  listener_ = std::move(listener);
}

WorkerEngine::NewEvents WorkerEngine::EventsAfter(std::size_t worker, std::uint64_t last,
                                                  std::size_t events_max) const {
  MutexLock lock(mutex_);
  const EventLog& log = *workers_[worker].events;
  NewEvents news{log.generation(), log.buffer().newest(), {}};
  log.buffer().CopyAfter(last, events_max, news.events);
  return news;
}

WorkerEngine::AnsweredRange WorkerEngine::QueryEvents(std::size_t worker, std::optional<std::uint64_t> start,
                                                      std::optional<std::uint64_t> end) const {
  MutexLock lock(mutex_);
  const Worker& entry = workers_[worker];
  AnsweredRange answered{entry.events->generation(), entry.events->buffer().Query(start, end), {}};
  if (std::holds_alternative<kvevents::TreeDump>(answered.answer))
    for (const CacheRun& run : entry.model->cache().Runs()) EventLog::AppendStored(run, answered.dump);
  return answered;
}

void WorkerEngine::CollectDue(std::vector<Call>& calls, std::vector<std::size_t>& told) {
  std::vector<ServiceEvent> events;
  const Time now = clock_.Now();
  armed_ = Time::max();
  for (Worker& worker : workers_) {
    events.clear();
    const std::uint64_t newest = worker.model->cache_events();
    worker.model->Advance(now, events);
    if (worker.model->cache_events() != newest) told.push_back(static_cast<std::size_t>(&worker - workers_.data()));
    for (const ServiceEvent& event : events) {
      const auto found = pending_.find(event.ticket);
      PREFIXMESH_CHECK(found != pending_.end());
      Pending& pending = found->second;
      calls.push_back({pending.sink, event, worker.model->cache_events()});
      if (event.type == ServiceEvent::Type::kPrefillEnded) {
        ++worker.figures.requests;
        worker.figures.prompt_bytes += pending.prompt_bytes;
        worker.figures.cached_bytes += std::uint64_t{event.cached_blocks} * pending.block_bytes;
        worker.figures.again_bytes += std::uint64_t{event.held_blocks - event.cached_blocks} * pending.block_bytes;
      } else {
        pending_.erase(found);
      }
    }
    if (const auto next = worker.model->NextEvent(); next.has_value()) armed_ = std::min(armed_, *next);
  }
}

void WorkerEngine::Run() {
  UseMinimalTimerSlack();
  std::vector<Call> calls;
  std::vector<std::size_t> told;
  std::function<void(std::size_t)> listener;
  while (true) {
    {
      MutexLock lock(mutex_);
      if (stopping_) return;
      CollectDue(calls, told);
      listener = listener_;
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
    if (listener && keeps_events())
      for (const std::size_t worker : told) listener(worker);
    told.clear();
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
