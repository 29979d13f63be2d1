// block_hash.h — step 2 of a request: the ids of a prompt's whole blocks, hashed once and reused by every later step.
//
// id(0) = H(seed, model, kind); id(i) = fold(id(i-1), block hash i). An id therefore names the whole prefix up to the
// end of its block, scoped by model and kind: the same bytes under another model, or the same bytes as tokens, give
// other ids; so do a LoRA and a cache salt, which move id(0). Never 0. Only whole blocks count; the rest of a prompt
// has no id.
//
//   prompt  |--- block 1 ---|--- block 2 ---|-- rest --|        ids: id(1), id(2)
//
// The hash of a block, made to run at the speed of memory on any x86-64 or 64-bit ARM, without vector instructions:
//
//   lanes   m0 m1 m2 m3 … : the block as little-endian 64-bit words, zero-padded to whole pairs
//   sum     (m0 + k0)(m1 + k1) + (m2 + k2)(m3 + k3) + …   factors mod 2^64, products and sum mod 2^128
//   hash    fold(low half ^ k32, high half ^ k33)
//
// The sum is NH over 64-bit words: for two different blocks of one size and uniformly random keys, sums are equal with
// probability 2^-64 at most (Black, Halevi, Krawczyk, Krovetz, Rogaway: "UMAC", CRYPTO '99). The keys come
// from the seed. There are 32, so a block above 256 bytes is summed piece by piece, each piece's low half xored with
// the hash so far. fold(a, b) is the 64x64→128-bit product with both halves xored; that it loses nothing worth having
// is not proven but tested (block_hash_test.cc). Blocks are independent until the last fold, so their loads and
// products overlap. (Rejected: XXH3 per block, whose path above 240 bytes costs 1.25 times as much on cold bytes.)
//
// None of this is a MAC: the seed is a per-cluster secret, and a collision may cost a wrong score, never a wrong
// answer. Threads: Hash is const and re-entrant. Ownership: appends to the caller's vector. Errors: none. Bounds:
// block_bytes in [64, 4096].
#pragma once

#include <array>
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
  // Per-cluster secret; peers compare its key id (HashKeyId), never the seed.
  std::uint64_t seed = 0;
};

class BlockHasher {
 public:
  BlockHasher(const BlockHashOptions& options, std::string_view model, Kind kind);

  // Replaces `ids` with the ids of the prompt's whole blocks, below a root.
  void Hash(const Slices& prompt, std::vector<NodeId>& ids, NodeId root) const;
  void Hash(const Slices& prompt, std::vector<NodeId>& ids) const { Hash(prompt, ids, NodeId{root_}); }
  // Where the ids of a model's prompts begin; of those with a LoRA or a salt somewhere else.
  NodeId Root(std::string_view lora, std::string_view salt) const;
  // Where ids go on behind a prefix, as a chain that shares no id with the one without the scope.
  NodeId Scoped(NodeId prefix, std::string_view scope) const;
  // Appends the ids of these whole blocks, which follow the prefix.
  void Append(NodeId prefix, Bytes blocks, std::vector<NodeId>& ids) const;

  std::uint32_t block_bytes() const { return block_bytes_; }

 private:
  static constexpr std::size_t kLanes = 32;

  std::uint64_t HashBlock(const std::uint8_t* block, std::size_t block_bytes) const;
  // Hashes whole blocks that follow the prefix `id`, writes their ids, and returns the last. kBlockBytes is the block
  // size if it is one of the usual ones, 0 otherwise.
  template <std::size_t kBlockBytes>
  std::uint64_t HashRun(Bytes run, std::uint64_t id, NodeId* ids) const;

  std::uint32_t block_bytes_;
  std::uint64_t root_;
  std::array<std::uint64_t, kLanes + 2> keys_;  // per lane, and two for the fold of the sum
};

// Names a hash configuration (scheme, seed, block sizes) without giving the seed away.
std::uint64_t HashKeyId(const BlockHashOptions& options);

}  // namespace prefixmesh
