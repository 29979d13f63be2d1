#include "impl/node/worker_greeter.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "impl/base/printable.h"

namespace prefixmesh {

WorkerGreeter::WorkerGreeter(const GreeterOptions& options, const Clock& clock, Executor& executor, Fleet& fleet,
                             const std::vector<WorkerIndex>& workers, Hello hello, OnGreeting on_greeting)
    : options_(options),
      clock_(clock),
      executor_(executor),
      fleet_(fleet),
      hello_(std::move(hello)),
      on_greeting_(std::move(on_greeting)),
      heard_(new std::atomic<bool>[Fleet::kWorkersMax]()) {
  MutexLock lock(mutex_);
  for (const WorkerIndex worker : workers) states_.try_emplace(worker);
}

// ---- beats ----------------------------------------------------------------------------------------------------------

void WorkerGreeter::Start() {
  {
    MutexLock lock(mutex_);
    everyone_at_ = clock_.Now();
  }
  executor_.Post([this] { Beat(); });
}

void WorkerGreeter::Beat() {
  std::vector<WorkerIndex> due;
  bool starting = false;
  const Time now = clock_.Now();
  {
    MutexLock lock(mutex_);
    starting = SilentLocked() > 0;
    const bool everyone = !starting || now - everyone_at_ >= options_.period;
    if (everyone) everyone_at_ = now;
    for (auto& [worker, state] : states_) {
      if (!everyone && state.answered) continue;
      if (heard_[worker.value].exchange(false, std::memory_order_relaxed) && fleet_.healthy(worker)) {
        state.misses = 0;
        continue;
      }
      due.push_back(worker);
    }
  }
  for (const WorkerIndex worker : due) Greet(worker);
  executor_.PostAt(now + (starting ? options_.retry : options_.period), [this] { Beat(); });
}

std::size_t WorkerGreeter::SilentLocked() const {
  return static_cast<std::size_t>(
      std::count_if(states_.begin(), states_.end(), [](const auto& entry) { return !entry.second.answered; }));
}

std::vector<WorkerIndex> WorkerGreeter::WaitForAll(Time deadline) {
  MutexLock lock(mutex_);
  while (SilentLocked() > 0 && clock_.Now() < deadline)
    changed_.WaitUntil(mutex_, std::chrono::steady_clock::time_point(deadline));
  std::vector<WorkerIndex> silent;
  for (const auto& [worker, state] : states_)
    if (!state.answered) silent.push_back(worker);
  return silent;
}

void WorkerGreeter::Stop() {
  MutexLock lock(mutex_);
  stopping_ = true;
  while (under_way_ > 0) changed_.Wait(mutex_);
}

// ---- hellos ---------------------------------------------------------------------------------------------------------

void WorkerGreeter::Tell(WorkerIndex worker) {
  {
    MutexLock lock(mutex_);
    const auto at = states_.find(worker);
    if (at == states_.end() || at->second.told >= fleet_.incarnation(worker)) return;
  }
  Greet(worker);  // if one is under way, its answer is compared with the register of then
}

void WorkerGreeter::Check(WorkerIndex worker) {
  {
    MutexLock lock(mutex_);
    const auto at = states_.find(worker);
    if (at == states_.end() || at->second.check_posted) return;
    State& state = at->second;
    const Time now = clock_.Now(), due = state.checked_at + options_.check_period;
    if (state.checked_at >= Time{0} && now < due) {
      state.check_posted = true;
      return executor_.PostAt(due, [this, worker] {
        {
          MutexLock again(mutex_);
          states_.at(worker).check_posted = false;
        }
        Check(worker);
      });
    }
    state.checked_at = now;
  }
  Greet(worker);
}

void WorkerGreeter::Greet(WorkerIndex worker) {
  {
    MutexLock lock(mutex_);
    State& state = states_.at(worker);
    if (stopping_ || state.under_way) return;
    state.under_way = true;
    ++under_way_;
  }
  Send(worker);
}

void WorkerGreeter::Send(WorkerIndex worker) {
  const Incarnation registered = fleet_.incarnation(worker);
  hello_(worker, registered, [this, worker, registered](const Result<WorkerGreeting>& greeting) {
    Answered(worker, registered, greeting);
  });
}

void WorkerGreeter::Answered(WorkerIndex worker, Incarnation told, const Result<WorkerGreeting>& greeting) {
  if (greeting.ok()) on_greeting_(worker, *greeting);
  {
    MutexLock lock(mutex_);
    State& state = states_.at(worker);
    NoteHealth(worker, state, greeting);
    if (greeting.ok()) {
      state.answered = true;
      state.misses = 0;
      state.told = std::max(state.told, told);
    } else {
      ++state.misses;
    }
    const Incarnation registered = fleet_.incarnation(worker);
    const bool below = greeting.ok() && greeting->incarnation < registered && state.told < registered;
    if (!below || stopping_) {
      state.under_way = false;
      --under_way_;
      changed_.NotifyAll();
      return;
    }
  }
  Send(worker);  // the register rose meanwhile, and the worker does not know
}

// What this answer, or its absence, makes of the worker's health.
void WorkerGreeter::NoteHealth(WorkerIndex worker, const State& state, const Result<WorkerGreeting>& greeting) {
  const bool was = fleet_.healthy(worker);
  if (greeting.ok()) {
    if (!was && state.answered)
      if (const auto held_back = log_.Allow(fleet_.name(worker) + " healthy", clock_.Now()))
        spdlog::info("worker {} is healthy again{}", fleet_.name(worker), HeldBackNote(*held_back));
    fleet_.SetHealthy(worker, true);
  } else if (was && state.misses + 1 >= options_.misses_max) {
    if (const auto held_back = log_.Allow(fleet_.name(worker) + " unhealthy", clock_.Now()))
      spdlog::warn("worker {} is unhealthy: {} hellos without an answer ({}){}", fleet_.name(worker), state.misses + 1,
                   Printable(greeting.error().message), HeldBackNote(*held_back));
    fleet_.SetHealthy(worker, false);
  }
}

}  // namespace prefixmesh
