#include "impl/base/whole_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace prefixmesh {
namespace {

// 0, or the errno of what went wrong; a write that takes nothing is a full disk.
int WriteAll(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = write(file, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return errno;
    if (wrote == 0) return ENOSPC;
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return 0;
}

// Opens, writes, closes. 0 or an errno.
int WriteTo(const std::string& path, std::string_view text, bool keep) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return errno;
  int error = WriteAll(file, text);
  // EINVAL: nothing to sync here, as on a pipe.
  if (error == 0 && keep && fsync(file) != 0 && errno != EINVAL) error = errno;
  if (close(file) != 0 && error == 0) error = errno;
  return error;
}

}  // namespace

std::string PartialName(const std::string& path) { return path + ".partial"; }

Error WriteError(const std::string& path, int error) {
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return {full ? ErrorCode::kExhausted : ErrorCode::kUnavailable, "cannot write " + path + ": " + std::strerror(error)};
}

Status WriteWholeFile(const std::string& path, std::string_view text) {
  std::string target = path;
  struct stat there {};
  if (stat(path.c_str(), &there) == 0) {
    if (!S_ISREG(there.st_mode)) {
      const int error = WriteTo(path, text, false);
      return error == 0 ? Status() : Status(WriteError(path, error));
    }
    if (char* real = realpath(path.c_str(), nullptr); real != nullptr) {
      target = real;
      std::free(real);
    }
  }
  const std::string partial = PartialName(target);
  int error = WriteTo(partial, text, true);
  if (error == 0 && std::rename(partial.c_str(), target.c_str()) != 0) error = errno;
  if (error == 0) return {};
  std::remove(partial.c_str());
  return WriteError(path, error);
}

Result<std::string> ReadWholeFile(const std::string& path, std::size_t bytes_max) {
  const auto failed = [&](const char* why) { return Error{ErrorCode::kNotFound, path + ": " + why}; };
  // Without O_NONBLOCK a pipe would keep open() until somebody writes to it.
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return failed(std::strerror(errno));
  std::string text;
  struct stat status {};
  const char* error = nullptr;
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) error = "is not a regular file";
  for (char part[1 << 16]; error == nullptr && text.size() <= bytes_max;) {
    const ssize_t bytes = read(file, part, std::min(sizeof part, bytes_max + 1 - text.size()));
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) error = std::strerror(errno);
    if (bytes <= 0) break;
    text.append(part, static_cast<std::size_t>(bytes));
  }
  close(file);
  if (error != nullptr) return failed(error);
  if (text.size() > bytes_max)
    return Error{ErrorCode::kTooBig, path + ": is larger than " + std::to_string(bytes_max >> 20) + " MiB"};
  return text;
}

}  // namespace prefixmesh
