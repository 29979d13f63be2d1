#include "bench/process/file_lock.h"

#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

namespace prefixmesh::bench {

Status LockWithin(int fd, const std::string& path, Time longest) {
  constexpr Time kStep = std::chrono::milliseconds(20);
  for (Time waited{}; flock(fd, LOCK_EX | LOCK_NB) != 0; waited += kStep) {
    if (errno == ENOLCK || errno == EOPNOTSUPP) return {};
    if (errno != EWOULDBLOCK && errno != EINTR)
      return Error{ErrorCode::kUnavailable, path + ": cannot lock: " + std::strerror(errno)};
    if (waited >= longest)
      return Error{ErrorCode::kUnavailable,
                   path + ": another process has had it locked for " +
                       std::to_string(std::chrono::duration_cast<std::chrono::seconds>(longest).count()) + " s"};
    std::this_thread::sleep_for(kStep);
  }
  return {};
}

}  // namespace prefixmesh::bench
