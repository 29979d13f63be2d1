// block_hash.h — step 2 of a request: the ids of a prompt's whole blocks, hashed once and reused by every later step.
//
// id(0) = H(seed, model, kind); id(i) = fold(id(i-1), XXH3_64(block i)). An id therefore names the whole prefix up to
// the end of its block, scoped by model and kind: the same bytes under another model, or the same bytes as tokens, give
// other ids. Never 0. Only whole blocks count; the rest of a prompt has no id.
//
//   prompt  |--- block 1 ---|--- block 2 ---|-- rest --|        ids: id(1), id(2)
//
// XXH3: https://github.com/Cyan4973/xxHash (BSD-2). The fold is a 64x64→128-bit multiply with both halves xored.
// Neither is cryptographic: the seed is a per-cluster secret, and a collision may cost a wrong score, never a wrong
// answer. Threads: Hash is const and re-entrant. Ownership: appends to the caller's vector. Errors: none. Bounds:
// block_bytes in [64, 4096].
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "impl/base/ids.h"
#include "impl/base/slices.h"

namespace prefixmesh {

struct BlockHashOptions {
  // Bytes of text in a block. Equal across a mesh. Smaller matches finer and costs memory and bytes on the wire.
  std::uint32_t text_block_bytes = 256;
  // Tokens in a block.
  std::uint32_t tokens_block_tokens = 16;
  // Per-cluster secret; peers compare its key id (KeyId), never the seed.
  std::uint64_t seed = 0;
};

class BlockHasher {
 public:
  BlockHasher(const BlockHashOptions& options, std::string_view model, Kind kind);

  // Replaces `ids` with the ids of the prompt's whole blocks.
  void Hash(const Slices& prompt, std::vector<NodeId>& ids) const;

  std::uint32_t block_bytes() const { return block_bytes_; }

 private:
  std::uint32_t block_bytes_;
  std::uint64_t root_;
};

// Names a hash configuration (scheme, seed, block sizes) without giving the seed away.
std::uint64_t HashKeyId(const BlockHashOptions& options);

}  // namespace prefixmesh
