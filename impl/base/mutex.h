// mutex.h — a std::mutex that clang's thread-safety analysis understands, and its annotations.
//
//   Mutex mutex_;
//   int count_ PREFIXMESH_GUARDED_BY(mutex_) = 0;
//
// libstdc++'s std::mutex carries no capability attribute, so the analysis ignores it; this wrapper is why it works.
// With gcc the annotations expand to nothing. Threads: any. Errors: none. Time: Lock blocks without bound.
#pragma once

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define PREFIXMESH_ATTRIBUTE(x) __attribute__((x))
#else
#define PREFIXMESH_ATTRIBUTE(x)
#endif

#define PREFIXMESH_CAPABILITY(x) PREFIXMESH_ATTRIBUTE(capability(x))
#define PREFIXMESH_SCOPED_CAPABILITY PREFIXMESH_ATTRIBUTE(scoped_lockable)
#define PREFIXMESH_GUARDED_BY(x) PREFIXMESH_ATTRIBUTE(guarded_by(x))
#define PREFIXMESH_REQUIRES(...) PREFIXMESH_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define PREFIXMESH_EXCLUDES(...) PREFIXMESH_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define PREFIXMESH_ACQUIRE(...) PREFIXMESH_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define PREFIXMESH_RELEASE(...) PREFIXMESH_ATTRIBUTE(release_capability(__VA_ARGS__))
#define PREFIXMESH_NO_THREAD_SAFETY_ANALYSIS PREFIXMESH_ATTRIBUTE(no_thread_safety_analysis)

namespace prefixmesh {

class PREFIXMESH_CAPABILITY("mutex") Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() PREFIXMESH_ACQUIRE() { mutex_.lock(); }
  void Unlock() PREFIXMESH_RELEASE() { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class PREFIXMESH_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) PREFIXMESH_ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() PREFIXMESH_RELEASE() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Waits give the mutex up and take it again. Spurious wake-ups happen: wait in a loop that tests the condition.
class CondVar {
 public:
  void Wait(Mutex& mutex) PREFIXMESH_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  // `deadline` is a std::chrono time point. Returns false when it passed.
  template <typename TimePoint>
  bool WaitUntil(Mutex& mutex, TimePoint deadline) PREFIXMESH_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool woken = condition_.wait_until(lock, deadline) == std::cv_status::no_timeout;
    lock.release();
    return woken;
  }
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace prefixmesh
