#include "tests/support/allocations.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<std::uint64_t> allocation_count{0};
std::atomic<std::uint64_t> requested_bytes{0};

[[maybe_unused]] void* Allocate(std::size_t size) noexcept {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  requested_bytes.fetch_add(size, std::memory_order_relaxed);
  return std::malloc(size != 0 ? size : 1);
}
}  // namespace

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void* operator new(std::size_t size) {
  if (void* memory = Allocate(size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif

namespace prefixmesh::test {

AllocationCount Allocations() {
  if (!kCountsAllocations) return {};
  const struct mallinfo2 info = mallinfo2();
  return {allocation_count.load(std::memory_order_relaxed), requested_bytes.load(std::memory_order_relaxed),
          info.uordblks + info.hblkhd};
}

}  // namespace prefixmesh::test
