#include "bench/run/preflight.h"

#include <algorithm>

#include "bench/process/limits.h"
#include "bench/run/expected_memory.h"
#include "bench/run/memory_cap.h"
#include "bench/run/progress.h"

namespace prefixmesh::bench {
namespace {

Status CheckMemory(const RunRequest& request, const Machine& machine) {
  std::uint64_t router = ExpectedRouterBytes(request.strategy, request.settings);
  if (const std::uint64_t cap = CapBytes(request.settings); cap > 0) router = std::min(router, cap);
  const std::uint64_t needed = router * request.settings.routers.count + (300u << 20);
  if (needed <= machine.available_bytes) return {};
  return Error{ErrorCode::kInvalid,
               "strategy " + request.strategy + " under this load needs about " +
                   FormatBytes(static_cast<double>(needed)) + "; this machine has " +
                   FormatBytes(static_cast<double>(machine.available_bytes)) +
                   " free. Lower load.rps, prompt.chars or routers.count, or end routers at limits.router_rss_mib"};
}

// The worker process has a listening socket per worker and a connection from every router to each.
Status CheckFiles(const load::Settings& settings) {
  const std::uint64_t spare = 64;
  const std::uint64_t needed = settings.workers.count * (settings.routers.count + 2) + spare, limit = RaiseFileLimit();
  if (needed <= limit) return {};
  return Error{ErrorCode::kInvalid, "workers.count x routers.count needs " + std::to_string(needed) +
                                        " open files in one process; here it may have " + std::to_string(limit) +
                                        " (ulimit -n). Lower either"};
}

// gRPC and malloc map a stack and an arena per thread, far above what is ever resident: 1.3 GiB in the process of 20
// workers. With less some threads cannot start, and gRPC aborts or waits for ever.
Status CheckAddressSpace() {
  constexpr std::uint64_t kNeeded = 1536u << 20;
  const std::uint64_t limit = AddressSpaceLimit();
  if (limit >= kNeeded) return {};
  return Error{ErrorCode::kInvalid, "a process here may map " + FormatBytes(static_cast<double>(limit)) +
                                        " of memory (ulimit -v); a run needs " +
                                        FormatBytes(static_cast<double>(kNeeded))};
}

// Counted in a run with 2 routers: 99 threads, of which a router has 19.
Status CheckThreads(const load::Settings& settings) {
  const std::size_t needed = 60 + 20 * settings.routers.count, startable = StartableThreads(needed);
  if (startable == needed) return {};
  return Error{ErrorCode::kInvalid, "only " + std::to_string(startable) + " of the " + std::to_string(needed) +
                                        " threads that a run with " + std::to_string(settings.routers.count) +
                                        " routers has can be started here (ulimit -u, or a container's limit)"};
}

}  // namespace

Status CheckMachine(const RunRequest& request, const Machine& machine) {
  if (Status enough = CheckMemory(request, machine); !enough.ok()) return enough;
  if (Status enough = CheckFiles(request.settings); !enough.ok()) return enough;
  if (Status enough = CheckAddressSpace(); !enough.ok()) return enough;
  return CheckThreads(request.settings);
}

Result<FolderLock> PrepareFolder(const std::string& out) {
  Result<FolderLock> lock = FolderLock::Take(out);
  if (!lock.ok()) return lock;
  for (const char* file : {"result.json", "load.json", "requests.log"})
    if (Exists(out + "/" + file))
      return Error{ErrorCode::kInvalid,
                   "--out " + out + ": it holds another run (" + file + "); choose an empty folder"};
  return lock;
}

}  // namespace prefixmesh::bench
