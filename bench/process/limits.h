// limits.h — what processes may have here: open files, address space, threads.
// Threads: call before children start; they inherit both. Errors: none; what the machine does not give is not raised.
#pragma once

#include <cstddef>
#include <cstdint>

namespace prefixmesh::bench {

// Raises this process's limit of open files as far as it may, and returns it: many workers and routers need more than
// the usual 1,024.
std::uint64_t RaiseFileLimit();

// Bytes that a process may map (ulimit -v); UINT64_MAX: no limit.
std::uint64_t AddressSpaceLimit();

// How many of `wanted` more threads can be started now (ulimit -u, or a container's limit of pids). Tries it: they are
// started, and ended again. Takes milliseconds.
std::size_t StartableThreads(std::size_t wanted);

}  // namespace prefixmesh::bench
