// path_hash.h — the 64-bit name that the seventh generation gave a prompt: the first 8 bytes of BLAKE3, little-endian.
//
// 0 meant "evict everywhere" on the wire, so a hash of 0 becomes 1 (W25: two prompts may then share it). Token prompts
// are hashed as 4 little-endian bytes a token, so a text of the same bytes has the same name (W3).
//
// Threads: a pure function. Errors: none. Time: linear in the prompt.
// Source: BLAKE3, https://github.com/BLAKE3-team/BLAKE3-specs (O'Connor, Aumasson, Neves, Wilcox-O'Hearn, 2020).
#pragma once

#include <cstdint>

#include "impl/base/slices.h"

namespace prefixmesh::generations {

std::uint64_t PathHash(const Slices& prompt);

}  // namespace prefixmesh::generations
