// check.h — programmer errors end the process, in release too, with file, line and the expression.
//
// Bytes from a peer, a file or a flag must never reach a CHECK: those are Result (result.h).
// Threads: any. Time, ownership, errors: none.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace prefixmesh {

[[noreturn]] inline void CheckFailed(const char* file, int line, const char* expression) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, expression);
  std::abort();
}

}  // namespace prefixmesh

#define PREFIXMESH_CHECK(expression)                              \
  do {                                                            \
    if (!(expression)) [[unlikely]]                               \
      ::prefixmesh::CheckFailed(__FILE__, __LINE__, #expression); \
  } while (false)
