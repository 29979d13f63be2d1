#include "tests/support/allocations.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<std::uint64_t> allocation_count{0};
std::atomic<std::uint64_t> requested_bytes{0};
std::atomic<std::uint64_t> out_bytes{0};
std::atomic<std::uint64_t> peak_bytes{0};

[[maybe_unused]] void* Allocate(std::size_t size) noexcept {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  requested_bytes.fetch_add(size, std::memory_order_relaxed);
  void* memory = std::malloc(size != 0 ? size : 1);
  const std::uint64_t out =
      out_bytes.fetch_add(malloc_usable_size(memory), std::memory_order_relaxed) + malloc_usable_size(memory);
  for (std::uint64_t peak = peak_bytes.load(std::memory_order_relaxed); out > peak;)
    if (peak_bytes.compare_exchange_weak(peak, out, std::memory_order_relaxed)) break;
  return memory;
}

[[maybe_unused]] void Free(void* memory) noexcept {
  out_bytes.fetch_sub(malloc_usable_size(memory), std::memory_order_relaxed);
  std::free(memory);
}
}  // namespace

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void* operator new(std::size_t size) {
  if (void* memory = Allocate(size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void operator delete(void* memory) noexcept { Free(memory); }
void operator delete(void* memory, std::size_t) noexcept { Free(memory); }
#endif

namespace prefixmesh::test {

std::uint64_t ResetPeak() {
  const std::uint64_t out = out_bytes.load(std::memory_order_relaxed);
  peak_bytes.store(out, std::memory_order_relaxed);
  return out;
}

std::uint64_t Peak() { return peak_bytes.load(std::memory_order_relaxed); }

AllocationCount Allocations() {
  if (!kCountsAllocations) return {};
  const struct mallinfo2 info = mallinfo2();
  return {allocation_count.load(std::memory_order_relaxed), requested_bytes.load(std::memory_order_relaxed),
          info.uordblks + info.hblkhd};
}

}  // namespace prefixmesh::test
