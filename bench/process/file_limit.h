// file_limit.h — how many files a process may have open: many workers and routers need more than the usual 1,024.
// Threads: call before children start; they inherit it. Errors: none; what the machine does not give is not raised.
#pragma once

#include <cstdint>

namespace prefixmesh::bench {

// Raises this process's limit as far as it may, and returns it.
std::uint64_t RaiseFileLimit();

}  // namespace prefixmesh::bench
