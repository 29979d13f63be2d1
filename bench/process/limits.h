// limits.h — what a process may have here: open files and address space.
// Threads: call before children start; they inherit both. Errors: none; what the machine does not give is not raised.
#pragma once

#include <cstdint>

namespace prefixmesh::bench {

// Raises this process's limit of open files as far as it may, and returns it: many workers and routers need more than
// the usual 1,024.
std::uint64_t RaiseFileLimit();

// Bytes that a process may map (ulimit -v); UINT64_MAX: no limit.
std::uint64_t AddressSpaceLimit();

}  // namespace prefixmesh::bench
