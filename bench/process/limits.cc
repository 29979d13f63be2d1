#include "bench/process/limits.h"

#include <pthread.h>
#include <sys/resource.h>

#include <vector>

#include "impl/base/mutex.h"

namespace prefixmesh::bench {

std::uint64_t RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  if (limit.rlim_cur == limit.rlim_max) return limit.rlim_cur;
  const rlimit raised{limit.rlim_max, limit.rlim_max};
  return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

std::uint64_t AddressSpaceLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return UINT64_MAX;
  return limit.rlim_cur;
}

std::size_t StartableThreads(std::size_t wanted) {
  struct Gate {
    Mutex mutex;
    CondVar opened;
    bool open PREFIXMESH_GUARDED_BY(mutex) = false;
  } gate;
  const auto wait = +[](void* at) -> void* {
    Gate& shared = *static_cast<Gate*>(at);
    MutexLock lock(shared.mutex);
    while (!shared.open) shared.opened.Wait(shared.mutex);
    return nullptr;
  };
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 64 * 1024);
  std::vector<pthread_t> threads(wanted);
  std::size_t started = 0;
  while (started < wanted && pthread_create(&threads[started], &small, wait, &gate) == 0) ++started;
  pthread_attr_destroy(&small);
  {
    MutexLock lock(gate.mutex);
    gate.open = true;
    gate.opened.NotifyAll();
  }
  for (std::size_t i = 0; i < started; ++i) pthread_join(threads[i], nullptr);
  return started;
}

}  // namespace prefixmesh::bench
