#include "bench/app/output.h"

#include <signal.h>

#include <cstdio>

namespace prefixmesh::bench {

int Fail(const std::string& message, int code) {
  std::fprintf(stderr, "prefixmesh: %s\n", message.c_str());
  return code;
}

int Fail(const Error& error) {
  const bool world = error.code == ErrorCode::kExhausted || error.code == ErrorCode::kUnavailable ||
                     error.code == ErrorCode::kTimeout || error.code == ErrorCode::kInterrupted;
  return Fail(error.message, world ? kExitFailed : kExitUsage);
}

void SayBetweenRuns(const std::string& line) {
  signal(SIGPIPE, SIG_DFL);
  std::fprintf(stderr, "%s\n", line.c_str());
}

}  // namespace prefixmesh::bench
