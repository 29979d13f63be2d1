#include "bench/run/memory_cap.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "bench/ab/statistics/theil_sen.h"

namespace prefixmesh::bench {
namespace {

std::optional<double> GrowthPerSecond(const std::vector<MemoryReading>& readings) {
  std::vector<double> at_s, bytes;
  for (const MemoryReading& reading : readings) {
    at_s.push_back(reading.at_s);
    bytes.push_back(reading.bytes);
  }
  const std::optional<ab::Slope> slope = ab::TheilSen(at_s, bytes);
  return slope ? std::optional(slope->slope) : std::nullopt;
}

}  // namespace

std::uint64_t CapBytes(const load::Settings& settings) {
  return static_cast<std::uint64_t>(std::ceil(settings.memory_cap.router_rss_mib * 1048576));
}

std::string CapHitText(const CapHit& hit) {
  constexpr double kMiB = 1 << 20;
  char text[120];
  std::snprintf(text, sizeof text, " killed at %.0f MiB after %.1f s, ",
                static_cast<double>(hit.memory.rss_bytes) / kMiB, hit.at_s);
  std::string whole = hit.router + text;
  if (!hit.bytes_per_s.has_value()) return whole + "its growth not seen";
  std::snprintf(text, sizeof text, "growing %.1f MiB/s", *hit.bytes_per_s / kMiB);
  return whole + text;
}

Status MemoryCap::Start(const std::vector<std::pair<std::string, pid_t>>& routers,
                        std::chrono::steady_clock::time_point begin) {
  if (cap_bytes_ == 0) return {};
  begin_ = begin;
  for (const auto& [name, pid] : routers)
    if (Status watched = Watch(name, pid); !watched.ok()) return watched;
  thread_ = std::thread([this] { Run(); });
  return {};
}

Status MemoryCap::Watch(const std::string& name, pid_t pid) {
  if (cap_bytes_ == 0) return {};
  const int descriptor = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));  // close-on-exec by itself
  if (descriptor < 0)
    return Error{ErrorCode::kUnavailable, "the memory cap cannot watch " + name + ": " + std::strerror(errno)};
  MutexLock lock(mutex_);
  joined_.push_back({name, pid, descriptor, {}});
  return {};
}

void MemoryCap::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
  MutexLock lock(mutex_);
  for (std::vector<Watched>* watched : {&routers_, &joined_}) {
    for (const Watched& router : *watched)
      if (router.descriptor >= 0) close(router.descriptor);
    watched->clear();
  }
}

void MemoryCap::Run() {
  auto next = std::chrono::steady_clock::now();
  while (true) {
    {
      MutexLock lock(mutex_);
      for (Watched& router : joined_) routers_.push_back(std::move(router));
      joined_.clear();
    }
    for (Watched& router : routers_)
      if (Check(router)) return;
    next = std::max(next + kEvery, std::chrono::steady_clock::now());
    MutexLock lock(mutex_);
    while (!stopping_ && std::chrono::steady_clock::now() < next) changed_.WaitUntil(mutex_, next);
    if (stopping_) return;
  }
}

bool MemoryCap::Check(Watched& router) {
  const std::optional<ProcessMemory> memory = ReadMemory(router.pid);
  if (!memory.has_value()) return false;
  const double now_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  router.readings.push_back({now_s, static_cast<double>(memory->rss_bytes)});
  if (router.readings.front().at_s < now_s - kSlopeSpan_s) router.readings.erase(router.readings.begin());
  if (memory->rss_bytes <= cap_bytes_) return false;
  syscall(SYS_pidfd_send_signal, router.descriptor, SIGKILL, nullptr, 0);
  hit_ = CapHit{router.name, now_s, *memory, GrowthPerSecond(router.readings)};
  return true;
}

}  // namespace prefixmesh::bench
