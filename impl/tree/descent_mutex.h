// descent_mutex.h — a mutex that spins for some microseconds, longer than a descent takes, before it sleeps.
//
// With a lock that is held that briefly, putting a thread to sleep and waking it costs more than the wait: two threads
// that decide without a pause reach 1.7 to 1.8 times the rate of one with Mutex (base/mutex.h), which sleeps at once,
// and 1.75 to 1.95 with this (docs/benchmarks.md). It is not fair: who unlocks and locks again mostly has it again.
// Threads: any. Time: Lock blocks without bound. Errors: none.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "impl/base/mutex.h"

namespace prefixmesh {

class PREFIXMESH_CAPABILITY("mutex") DescentMutex {
 public:
  void Lock() PREFIXMESH_ACQUIRE();
  void Unlock() PREFIXMESH_RELEASE() { mutex_.unlock(); }
  // For who locks again and again: those that wait in Lock come first, as long as that takes no more than some
  // microseconds.
  void LockInTurn() PREFIXMESH_ACQUIRE();

 private:
  bool LockSpinning();
  std::mutex mutex_;
  std::atomic<std::uint32_t> waiting_{0};  // in Lock
};

class PREFIXMESH_SCOPED_CAPABILITY DescentLock {
 public:
  struct InTurn {};
  explicit DescentLock(DescentMutex& mutex) PREFIXMESH_ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  DescentLock(DescentMutex& mutex, InTurn) PREFIXMESH_ACQUIRE(mutex) : mutex_(mutex) { mutex_.LockInTurn(); }
  ~DescentLock() PREFIXMESH_RELEASE() { mutex_.Unlock(); }
  DescentLock(const DescentLock&) = delete;
  DescentLock& operator=(const DescentLock&) = delete;

 private:
  DescentMutex& mutex_;
};

}  // namespace prefixmesh
