#include "loadgen/clock/process.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace prefixmesh::load {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

}  // namespace

void SleepUntil(Time when) {
  timespec until{};
  until.tv_sec = static_cast<time_t>(when.count() / kNsPerSecond);
  until.tv_nsec = static_cast<long>(when.count() % kNsPerSecond);
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
  }
}

void UseMinimalTimerSlack() { prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0); }

bool PreferThisThread() {
  sched_param parameters{};
  parameters.sched_priority = 1;
  if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &parameters) == 0) return true;
  parameters.sched_priority = 0;
  constexpr int kNice = -10;
  return sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &parameters) == 0 &&
         setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice) == 0;
}

ProcessUsage ReadProcessUsage() {
  ProcessUsage usage;
  rusage resources{};
  if (getrusage(RUSAGE_SELF, &resources) == 0) {
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    usage.cpu_s = seconds(resources.ru_utime) + seconds(resources.ru_stime);
  }
  if (std::FILE* file = std::fopen("/proc/self/status", "re"); file != nullptr) {
    char line[256];
    unsigned long kib = 0;
    while (std::fgets(line, sizeof line, file) != nullptr) {
      if (std::sscanf(line, "VmHWM: %lu kB", &kib) == 1) usage.peak_rss_bytes = std::uint64_t{kib} * 1024;
      if (std::sscanf(line, "VmRSS: %lu kB", &kib) == 1) usage.rss_bytes = std::uint64_t{kib} * 1024;
    }
    std::fclose(file);
  }
  return usage;
}

std::int64_t WallClockNs() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * kNsPerSecond + now.tv_nsec;
}

}  // namespace prefixmesh::load
