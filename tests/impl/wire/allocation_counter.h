// allocation_counter.h — bytes asked of operator new so far, by this process (its .cc replaces the operator).
// Always 0 under a sanitizer.
// Threads: tests of this binary are single-threaded.
#pragma once

#include <cstddef>

namespace prefixmesh::test {

std::size_t AllocatedBytes();

}  // namespace prefixmesh::test
