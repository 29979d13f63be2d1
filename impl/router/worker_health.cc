#include "impl/router/worker_health.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "impl/base/printable.h"
#include "impl/base/prng.h"
#include "impl/base/seeded_bug.h"

namespace prefixmesh {

WorkerHealthChecker::WorkerHealthChecker(const HealthOptions& options, const Clock& clock, Executor& executor,
                                         Fleet& fleet, const std::vector<WorkerIndex>& workers,
                                         WorkerTransport& transport, OnReply on_reply)
    : options_(options),
      clock_(clock),
      executor_(executor),
      fleet_(fleet),
      transport_(transport),
      on_reply_(std::move(on_reply)),
      replied_(new std::atomic<bool>[Fleet::kWorkersMax]()) {
  MutexLock lock(mutex_);
  for (const WorkerIndex worker : workers) states_.try_emplace(worker);
}

// ---- ticks ----------------------------------------------------------------------------------------------------------

void WorkerHealthChecker::Start() {
  {
    MutexLock lock(mutex_);
    all_checked_at_ = clock_.Now();
  }
  executor_.Post([this] { Tick(); });
}

void WorkerHealthChecker::Tick() {
  std::vector<WorkerIndex> due;
  bool starting = false;
  const Time now = clock_.Now();
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    starting = AnySilent();
    const bool all = !starting || now - all_checked_at_ >= options_.period;
    if (all) all_checked_at_ = now, ++periods_;
    for (auto& [worker, state] : states_) {
      if (!all && state.replied) continue;
      if (!LeftOut(worker, state)) due.push_back(worker);
    }
  }
  for (const WorkerIndex worker : due) Check(worker);
  executor_.PostAt(now + (starting ? options_.retry : options_.period), [this] { Tick(); });
}

bool WorkerHealthChecker::LeftOut(WorkerIndex worker, State& state) {
  const bool replied = replied_[worker.value].exchange(false, std::memory_order_relaxed);
  const bool served_peer = fleet_.TakeServedPeer(worker);
  if (!fleet_.healthy(worker)) return false;
  if (replied) {
    state.misses = 0;
    state.unheard = 0;
    state.suspected = false;
    state.replied_at = clock_.Now();
    return true;
  }
  ++state.unheard;
  if (!state.replied || state.misses > 0 || state.suspected) return false;
  if (fleet_.own_in_flight(worker) > 0) return served_peer && state.unheard < options_.misses_max;
  const std::uint64_t routers = 1 + std::min(fleet_.peers_telling(), kRoutersInTurn - 1);
  const std::uint64_t turns = std::max(options_.idle_periods, 1u) * routers;
  if (state.unheard >= 2 * turns) return false;  // its turn was moved away, again and again
  return (periods_ + Mix64(options_.phases + worker.value)) % turns != 0;
}

bool WorkerHealthChecker::AnySilent() const {
  return std::any_of(states_.begin(), states_.end(), [](const auto& entry) { return !entry.second.replied; });
}

std::vector<WorkerIndex> WorkerHealthChecker::Silent() const {
  MutexLock lock(mutex_);
  std::vector<WorkerIndex> silent;
  for (const auto& [worker, state] : states_)
    if (!state.replied) silent.push_back(worker);
  return silent;
}

void WorkerHealthChecker::Stop() {
  MutexLock lock(mutex_);
  stopping_ = true;
}

// ---- checks ---------------------------------------------------------------------------------------------------------

void WorkerHealthChecker::NotifyRegister(WorkerIndex worker) {
  {
    MutexLock lock(mutex_);
    const auto at = states_.find(worker);
    if (at == states_.end() || at->second.notified >= fleet_.incarnation(worker)) return;
  }
  Check(worker);  // if one is under way, its reply is compared with the register of then
}

void WorkerHealthChecker::Recheck(WorkerIndex worker) {
  {
    MutexLock lock(mutex_);
    const auto at = states_.find(worker);
    if (at == states_.end() || at->second.recheck_posted) return;
    State& state = at->second;
    const Time now = clock_.Now(), due = state.rechecked_at + options_.recheck_period;
    if (state.rechecked_at >= Time{0} && now < due) {
      state.recheck_posted = true;
      return executor_.PostAt(due, [this, worker] {
        {
          MutexLock again(mutex_);
          states_.at(worker).recheck_posted = false;
        }
        Recheck(worker);
      });
    }
    state.rechecked_at = now;
  }
  Check(worker);
}

void WorkerHealthChecker::Suspect(WorkerIndex worker) {
  {
    MutexLock lock(mutex_);
    const auto at = states_.find(worker);
    if (at == states_.end() || !at->second.replied) return;
    State& state = at->second;
    if (clock_.Now() - state.replied_at < options_.misses_max * options_.period) return;
    state.suspected = true;
  }
  Recheck(worker);
}

void WorkerHealthChecker::Check(WorkerIndex worker) {
  {
    MutexLock lock(mutex_);
    State& state = states_.at(worker);
    if (stopping_ || state.under_way) return;
    state.under_way = true;
  }
  Send(worker);
}

void WorkerHealthChecker::Send(WorkerIndex worker) {
  const Incarnation registered = fleet_.incarnation(worker);
  transport_.CheckHealth(worker, registered, [this, worker, registered](const Result<HealthReply>& answer) {
    Answered(worker, registered, answer);
  });
}

void WorkerHealthChecker::Answered(WorkerIndex worker, Incarnation notified, const Result<HealthReply>& answer) {
  Status status = answer.ok() ? Status() : Status(answer.error());
  if (answer.ok() && !on_reply_(worker, *answer)) status = Error{ErrorCode::kCorrupt, "an invalid incarnation"};
  {
    MutexLock lock(mutex_);
    State& state = states_.at(worker);
    SetHealth(worker, state, status);
    if (status.ok()) {
      state.unheard = 0;
      state.suspected = false;
      state.replied = true;
      state.replied_at = clock_.Now();
      state.misses = 0;
      state.notified = std::max(state.notified, notified);
    } else {
      ++state.misses;
    }
    const Incarnation registered = fleet_.incarnation(worker);
    const bool below = status.ok() && answer->incarnation < registered && state.notified < registered;
    if (!below || stopping_) {
      state.under_way = false;
      return;
    }
  }
  Send(worker);  // the register rose meanwhile, and the worker does not know
}

// What this answer, or its absence, makes of the worker's health.
void WorkerHealthChecker::SetHealth(WorkerIndex worker, const State& state, const Status& answer) {
  const bool was = fleet_.healthy(worker);
  if (Seeded(Bug::kcore_health_flaps) && !was && state.replied) return fleet_.SetHealthy(worker, true);
  if (Seeded(Bug::kcore_stays_unhealthy) && !was && state.replied) return;
  if (answer.ok()) {
    if (!was && state.replied)
      if (const auto held_back = log_.Allow(fleet_.name(worker) + " healthy", clock_.Now()))
        spdlog::info("worker {} is healthy again{}", fleet_.name(worker), HeldBackNote(*held_back));
    fleet_.SetHealthy(worker, true);
  } else if (was && state.misses + 1 >= (state.suspected ? 1 : options_.misses_max)) {
    if (const auto held_back = log_.Allow(fleet_.name(worker) + " unhealthy", clock_.Now()))
      spdlog::warn("worker {} is unhealthy: {} health check{} without an answer{} ({}){}", fleet_.name(worker),
                   state.misses + 1, state.misses == 0 ? "" : "s", state.suspected ? ", and a peer had none" : "",
                   Printable(answer.error().message), HeldBackNote(*held_back));
    fleet_.SetHealthy(worker, false);
  }
}

}  // namespace prefixmesh
