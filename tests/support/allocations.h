// allocations.h — counts every heap allocation of the test binary: how many, how many bytes were asked for, and how
// many are live as malloc accounts them. Linked into every test through tests_main.
//
// Under a sanitizer, which brings its own allocator, nothing is counted (kCountsAllocations is false) and what depends
// on it proves nothing there; the release run does.
#pragma once

#include <cstdint>

namespace prefixmesh::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kCountsAllocations = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kCountsAllocations = false;
#else
inline constexpr bool kCountsAllocations = true;
#endif
#else
inline constexpr bool kCountsAllocations = true;
#endif

// The high-water mark starts again at what is out now; returns that.
std::uint64_t ResetPeak();
std::uint64_t Peak();

struct AllocationCount {
  std::uint64_t count = 0;
  std::uint64_t requested_bytes = 0;  // sum of all requests, ever
  std::uint64_t live_bytes = 0;
};

AllocationCount Allocations();

// The most that operator new had out at once while f() ran, above what it had out before, as malloc cuts it.
template <typename F>
std::uint64_t PeakOf(F&& f) {
  const std::uint64_t before = ResetPeak();
  f();
  return Peak() - before;
}

}  // namespace prefixmesh::test
