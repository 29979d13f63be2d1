#include "impl/env/real/real_env.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

namespace prefixmesh {
namespace {

Time Read(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

Time RealClock::Now() const { return Read(CLOCK_MONOTONIC); }
Time ThreadCpuNow() { return Read(CLOCK_THREAD_CPUTIME_ID); }

std::uint64_t NewIncarnation() {
  return static_cast<std::uint64_t>(Read(CLOCK_REALTIME).count()) ^ (static_cast<std::uint64_t>(getpid()) << 44);
}

LoopThread::LoopThread() : thread_([this] { Run(); }) {}
LoopThread::~LoopThread() { Stop(); }

void LoopThread::Post(std::function<void()> task) { PostAt(Time{0}, std::move(task)); }

void LoopThread::PostAt(Time when, std::function<void()> task) {
  MutexLock lock(mutex_);
  tasks_.emplace(std::pair(when, posted_++), std::move(task));
  wake_.NotifyOne();
}

void LoopThread::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.NotifyOne();
  }
  if (thread_.joinable()) thread_.join();
}

Time LoopThread::CpuUsed() const {
  clockid_t clock;
  auto* self = const_cast<LoopThread*>(this);
  if (!thread_.joinable() || pthread_getcpuclockid(self->thread_.native_handle(), &clock) != 0) return Time{0};
  return Read(clock);
}

void LoopThread::Run() {
  const RealClock clock;
  MutexLock lock(mutex_);
  while (!stopping_) {
    if (tasks_.empty()) {
      wake_.Wait(mutex_);
      continue;
    }
    const Time due = tasks_.begin()->first.first;
    if (due > clock.Now()) {
      wake_.WaitUntil(mutex_, std::chrono::steady_clock::time_point(due));
      continue;
    }
    std::function<void()> task = std::move(tasks_.begin()->second);
    tasks_.erase(tasks_.begin());
    mutex_.Unlock();
    task();
    task = nullptr;
    mutex_.Lock();
  }
}

}  // namespace prefixmesh
