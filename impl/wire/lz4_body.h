// lz4_body.h — a compressed body of the fifth and the seventh generation: u32 little-endian size, then one LZ4 block.
//
// The size is the sender's word. It is held against a maximum, and against what the bytes present can expand to (LZ4
// makes at most 255 bytes of one), before anything is allocated for it (W24).
//
// Threads: pure functions. Ownership: values. Errors: kExhausted for a claim above the maximum, kCorrupt for the rest.
// Source: https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md
#pragma once

#include <cstddef>
#include <string>

#include "impl/base/result.h"
#include "impl/base/slices.h"

namespace prefixmesh::generations {

inline constexpr std::size_t kLz4ClaimMax = 256u << 20;  // this much is taken, one byte more is refused

// At most 2 GiB go in (LZ4_MAX_INPUT_SIZE): kExhausted above.
Result<std::string> CompressBody(Bytes bytes);
Result<std::string> DecompressBody(Bytes body, std::size_t claim_max = kLz4ClaimMax);

}  // namespace prefixmesh::generations
