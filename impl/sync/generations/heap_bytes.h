// heap_bytes.h — what a string costs on the heap, as glibc's malloc cuts it: whole 16 bytes, 8 of them malloc's own.
// For running totals that are held against measured memory. Threads: any. Errors: none.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

namespace prefixmesh::generations {

inline std::uint64_t HeapBytes(const std::string& text) {
  constexpr std::size_t kInline = 15;
  if (text.capacity() <= kInline) return 0;
  return std::max<std::uint64_t>(32, (text.capacity() + 1 + 8 + 15) / 16 * 16);
}

}  // namespace prefixmesh::generations
