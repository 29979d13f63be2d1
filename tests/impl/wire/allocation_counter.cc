#include "tests/impl/wire/allocation_counter.h"

#include <cstdlib>
#include <new>

namespace {
std::size_t allocated_bytes = 0;
}

void* operator new(std::size_t size) {
  allocated_bytes += size;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

std::size_t prefixmesh::test::AllocatedBytes() { return allocated_bytes; }
