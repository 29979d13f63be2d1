#include "tests/support/allocations.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

// Replaces operator new and wraps nothing else: live bytes come from the allocator itself (mallinfo2).

namespace {
std::atomic<std::uint64_t> allocation_count{0};
std::atomic<std::uint64_t> requested_bytes{0};
}  // namespace

void* operator new(std::size_t size) {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  requested_bytes.fetch_add(size, std::memory_order_relaxed);
  if (void* memory = std::malloc(size != 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace prefixmesh::test {

AllocationCount Allocations() {
  const struct mallinfo2 info = mallinfo2();
  return {allocation_count.load(std::memory_order_relaxed), requested_bytes.load(std::memory_order_relaxed),
          info.uordblks + info.hblkhd};
}

}  // namespace prefixmesh::test
