#include "tests/impl/wire/allocation_counter.h"

#include <cstdlib>
#include <new>

namespace {
std::size_t allocated_bytes = 0;
}

// The sanitizers bring an operator of their own and check that new and delete match: there nothing is counted.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void* operator new(std::size_t size) {
  allocated_bytes += size;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif

std::size_t prefixmesh::test::AllocatedBytes() { return allocated_bytes; }
