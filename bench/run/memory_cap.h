// memory_cap.h — kills the router that grows above the run's memory cap (limits.router_rss_mib), and says how fast it
// grew.
//
// A sampled cap: resident memory is read every kEvery, so a router may be above it for that long. (Rejected: RLIMIT_AS
// counts what is mapped and not resident; a memory cgroup needs rights that a run does not ask for.)
//
// Threads: one of its own between Start and Stop, which is the only one to touch what it watches; everything else,
// Watch too, from the run's. Time: seconds since `begin`. Bounds: the readings of kSlopeSpan_s per router. Ownership:
// of its thread and of a descriptor per process. Errors: Start says what cannot be watched; a process that ends is no
// longer read.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/result/write/measured.h"
#include "impl/base/mutex.h"
#include "impl/base/result.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::bench {

struct MemoryReading {
  double at_s = 0;
  double bytes = 0;
};

// limits.router_rss_mib in bytes; 0: none.
std::uint64_t CapBytes(const load::Settings& settings);

// "router-a killed at 201 MiB after 4.3 s, growing 55.2 MiB/s"
std::string CapHitText(const CapHit& hit);

class MemoryCap {
 public:
  static constexpr std::chrono::milliseconds kEvery{50};
  static constexpr double kSlopeSpan_s = 30;

  explicit MemoryCap(std::uint64_t cap_bytes) : cap_bytes_(cap_bytes) {}  // 0: none
  ~MemoryCap() { Stop(); }
  MemoryCap(const MemoryCap&) = delete;
  MemoryCap& operator=(const MemoryCap&) = delete;

  // Once. The processes must not have been reaped yet.
  Status Start(const std::vector<std::pair<std::string, pid_t>>& routers, std::chrono::steady_clock::time_point begin);
  // One more, that joined since Start.
  Status Watch(const std::string& name, pid_t pid);
  // After it nothing is killed any more. Idempotent.
  void Stop();
  // The first kill, and the only one: it ends the run. To be asked after Stop.
  const std::optional<CapHit>& hit() const { return hit_; }

 private:
  struct Watched {
    std::string name;
    pid_t pid = -1;
    int descriptor = -1;  // a pidfd: kills this process and no later one of the same number
    std::vector<MemoryReading> readings;
  };
  void Run();
  bool Check(Watched& router);  // true: it was killed

  const std::uint64_t cap_bytes_;
  std::chrono::steady_clock::time_point begin_;
  std::vector<Watched> routers_;
  std::optional<CapHit> hit_;
  Mutex mutex_;
  CondVar changed_;
  bool stopping_ PREFIXMESH_GUARDED_BY(mutex_) = false;
  std::vector<Watched> joined_ PREFIXMESH_GUARDED_BY(mutex_);  // for the thread to take over
  std::thread thread_;
};

}  // namespace prefixmesh::bench
