#include "impl/env/real/process.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

namespace prefixmesh {
namespace {

sigset_t ShutdownSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

}  // namespace

void ApplyAllocatorPolicy() {
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 64 * 1024);
  mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
}

const char* AllocatorPolicyName() { return "glibc arena_max=1 mmap_threshold=65536 trim_threshold=1048576"; }

void ReturnFreedMemory() { malloc_trim(0); }

void FileLimitIsAnError() { signal(SIGXFSZ, SIG_IGN); }

ShutdownSignal::ShutdownSignal() {
  const sigset_t signals = ShutdownSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

bool ShutdownSignal::Wait(Time patience) {
  const sigset_t signals = ShutdownSignals();
  timespec timeout{};
  timeout.tv_sec = static_cast<time_t>(patience.count() / 1000000000);
  timeout.tv_nsec = static_cast<long>(patience.count() % 1000000000);
  return sigtimedwait(&signals, nullptr, &timeout) > 0;
}

void ShutdownSignal::Wait() {
  while (!Wait(std::chrono::hours(1))) {
  }
}

void ExitWithParent() {
  const pid_t parent = getppid();
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) raise(SIGTERM);  // it died in between
}

void ResetPeakRss() {
  const int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  [[maybe_unused]] const ssize_t written = write(fd, "5", 1);
  close(fd);
}

}  // namespace prefixmesh
