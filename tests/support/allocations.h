// allocations.h — counts every heap allocation of the test binary: how many, and how many bytes are live as malloc
// accounts them. Linked into every test through tests_main.
#pragma once

#include <cstdint>

namespace prefixmesh::test {

struct AllocationCount {
  std::uint64_t count = 0;
  std::uint64_t requested_bytes = 0;  // sum of all requests, ever
  std::uint64_t live_bytes = 0;
};

AllocationCount Allocations();

}  // namespace prefixmesh::test
