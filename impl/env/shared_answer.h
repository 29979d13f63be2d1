// shared_answer.h — an answer that costs much, made at a bounded rate however many ask for it.
//
//   Ask ─► the pace allows it ─► made now
//      └─► waits ─────────────► made when the pace allows it, once for all that wait
//
// No answer is older than its question. (Rejected: the last answer for a while, which would show who asks after
// something happened what was before it.)
//
// Threads:  any; an answer is made and given on the thread that asks, or on the executor, outside the lock.
// Bounds:   the pace; whoever asks bounds how many wait. Time: the clock's. Errors: none.
// Ownership: borrows clock and executor, which is stopped before this goes.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "impl/base/mutex.h"
#include "impl/env/env.h"
#include "impl/env/pace.h"

namespace prefixmesh {

template <typename Answer>
class SharedAnswer {
 public:
  SharedAnswer(Pace pace, std::function<Answer()> make, Clock& clock, Executor& executor)
      : make_(std::move(make)), clock_(clock), executor_(executor), pace_(pace) {}

  // Calls `take` once, possibly before it returns.
  void Ask(std::function<void(const Answer&)> take) PREFIXMESH_EXCLUDES(mutex_) {
    {
      MutexLock lock(mutex_);
      takers_.push_back(std::move(take));
      if (takers_.size() > 1) return;  // an answer is due already
      const Time now = clock_.Now(), due = pace_.Reserve(now);
      if (due > now) return executor_.PostAt(due, [this] { Give(); });
    }
    Give();
  }

 private:
  void Give() PREFIXMESH_EXCLUDES(mutex_) {
    std::vector<std::function<void(const Answer&)>> takers;
    {
      MutexLock lock(mutex_);
      takers.swap(takers_);
    }
    const Answer answer = make_();
    for (const auto& take : takers) take(answer);
  }

  const std::function<Answer()> make_;
  Clock& clock_;
  Executor& executor_;
  Mutex mutex_;
  Pace pace_ PREFIXMESH_GUARDED_BY(mutex_);
  std::vector<std::function<void(const Answer&)>> takers_ PREFIXMESH_GUARDED_BY(mutex_);
};

}  // namespace prefixmesh
