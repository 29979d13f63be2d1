// run_child.h — a child process from its start to its end, for tools that are asked once: git, a build, another
// prefixmesh.
//
//   const Result<std::string> exit = RunChild({"git", {"git", "rev-parse", "HEAD"}, log, take_line},
//   std::chrono::seconds(10));
//
// Threads: one; lines are heard on the reader's, all of them before this returns. Time: until the child ends.
// Ownership: values. Errors: kUnavailable when it cannot start, kTimeout when it does not end in time, kInterrupted
// when this process is asked to end; how the child ended is no error here. Bounds: child.h.
#pragma once

#include <functional>
#include <string>

#include "bench/process/child.h"
#include "impl/base/result.h"

namespace prefixmesh::bench {

struct ChildEnd {
  std::string exit;        // "exit code 3"
  std::string last_error;  // the last line of its stderr
  bool clean() const { return exit == "exit code 0"; }
};

// `each_second` is called about once a second meanwhile.
Result<ChildEnd> RunChild(Child::Options options, Time timeout, const std::function<void()>& each_second = {});

}  // namespace prefixmesh::bench
