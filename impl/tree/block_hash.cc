#include "impl/tree/block_hash.h"

#include <algorithm>
#include <bit>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "impl/base/check.h"
#include "impl/base/prng.h"

namespace prefixmesh {
namespace {

constexpr std::uint32_t kBlockBytesMin = 64;
constexpr std::uint32_t kBlockBytesMax = 4096;
constexpr std::uint64_t kPrefixSalt = 0xa0761d6478bd642fu;  // odd constants; any would do, changing one is a new scheme
constexpr std::uint64_t kBlockSalt = 0xe7037ed1a0b428dbu;

// Bytes ahead of the current block that are asked for early. A page or less is not enough for cold bytes: the hardware
// stops at page ends. Asking costs nothing measurable when the bytes are in a cache.
constexpr std::size_t kPrefetchBytes = 4096;
constexpr std::size_t kCacheLineBytes = 64;

using Wide = unsigned __int128;

std::uint64_t Fold(std::uint64_t a, std::uint64_t b) {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t Chain(std::uint64_t prefix, std::uint64_t block) {
  const std::uint64_t id = Fold(prefix ^ kPrefixSalt, block ^ kBlockSalt);
  return id != 0 ? id : 1;
}

std::uint64_t Lane(const std::uint8_t* at) {
  std::uint64_t lane;
  std::memcpy(&lane, at, sizeof(lane));
  if constexpr (std::endian::native == std::endian::big) lane = __builtin_bswap64(lane);
  return lane;
}

Wide PairProduct(const std::uint8_t* pair, const std::uint64_t* keys) {
  return static_cast<Wide>(Lane(pair) + keys[0]) * (Lane(pair + 8) + keys[1]);
}

}  // namespace

BlockHasher::BlockHasher(const BlockHashOptions& options, std::string_view model, Kind kind)
    : block_bytes_(kind == Kind::kText ? options.text_block_bytes
                                       : options.tokens_block_tokens * static_cast<std::uint32_t>(kBytesPerToken)) {
  PREFIXMESH_CHECK(block_bytes_ >= kBlockBytesMin && block_bytes_ <= kBlockBytesMax);
  const std::uint64_t domain = Mix64(options.seed ^ Mix64(kind == Kind::kText ? 1 : 2));
  root_ = Mix64(domain ^ XXH3_64bits_withSeed(model.data(), model.size(), domain));
  Prng keys(domain);
  for (std::uint64_t& key : keys_) key = keys.Next();
}

// Always inlined, so that each caller's block size makes its own loop.
[[gnu::always_inline]] inline std::uint64_t BlockHasher::HashBlock(const std::uint8_t* block,
                                                                   std::size_t block_bytes) const {
  std::uint64_t hash = 0;
  for (std::size_t left = block_bytes; left > 0;) {
    const std::size_t piece = std::min<std::size_t>(left, kLanes * sizeof(std::uint64_t));
    Wide sum = 0, other = 0;  // two sums, so that one addition need not wait for the other
    std::size_t at = 0;
    for (; at + 64 <= piece; at += 64) {
      sum += PairProduct(block + at, &keys_[at / 8]);
      other += PairProduct(block + at + 16, &keys_[at / 8 + 2]);
      sum += PairProduct(block + at + 32, &keys_[at / 8 + 4]);
      other += PairProduct(block + at + 48, &keys_[at / 8 + 6]);
    }
    if (at < piece) {
      std::uint8_t padded[64] = {};
      std::memcpy(padded, block + at, piece - at);
      for (std::size_t i = 0; at + i < piece; i += 16) sum += PairProduct(padded + i, &keys_[(at + i) / 8]);
    }
    sum += other;
    hash = Fold(static_cast<std::uint64_t>(sum) ^ keys_[kLanes] ^ hash,
                static_cast<std::uint64_t>(sum >> 64) ^ keys_[kLanes + 1]);
    block += piece;
    left -= piece;
  }
  return hash;
}

template <std::size_t kBlockBytes>
std::uint64_t BlockHasher::HashRun(Bytes run, std::uint64_t id, NodeId* ids) const {
  const std::size_t block_bytes = kBlockBytes != 0 ? kBlockBytes : block_bytes_;
  for (std::size_t at = 0; at < run.size(); at += block_bytes) {
    if (run.size() - at > kPrefetchBytes + block_bytes)
      for (std::size_t line = 0; line < block_bytes; line += kCacheLineBytes)
        __builtin_prefetch(run.data() + at + kPrefetchBytes + line);
    id = Chain(id, HashBlock(run.data() + at, block_bytes));
    *ids++ = NodeId{id};
  }
  return id;
}

void BlockHasher::Hash(const Slices& prompt, std::vector<NodeId>& ids, NodeId root) const {
  ids.resize(prompt.size() / block_bytes_);
  NodeId* next = ids.data();
  std::uint64_t id = root.value;
  std::uint8_t straddling[kBlockBytesMax];  // a block that lies in more than one piece is put together here
  std::size_t held = 0;
  for (Bytes piece : prompt.pieces()) {
    if (held > 0) {
      const std::size_t take = std::min<std::size_t>(block_bytes_ - held, piece.size());
      std::memcpy(straddling + held, piece.data(), take);
      held += take;
      piece = piece.subspan(take);
      if (held < block_bytes_) continue;
      id = HashRun<0>({straddling, block_bytes_}, id, next++);
    }
    held = piece.size() % block_bytes_;
    const Bytes run = piece.first(piece.size() - held);
    id = block_bytes_ == 256  ? HashRun<256>(run, id, next)
         : block_bytes_ == 64 ? HashRun<64>(run, id, next)
                              : HashRun<0>(run, id, next);
    next += run.size() / block_bytes_;
    std::memcpy(straddling, piece.data() + run.size(), held);
  }
  PREFIXMESH_CHECK(next == ids.data() + ids.size());
}

NodeId BlockHasher::Root(std::string_view lora, std::string_view salt) const {
  NodeId root{root_};
  // Under another key than a salt, so that the two are not the same for one text.
  if (!lora.empty())
    root = NodeId{Chain(root.value, XXH3_64bits_withSeed(lora.data(), lora.size(), keys_[kLanes + 1]))};
  if (!salt.empty()) root = Scoped(root, salt);
  return root;
}

NodeId BlockHasher::Scoped(NodeId prefix, std::string_view scope) const {
  return NodeId{Chain(prefix.value, XXH3_64bits_withSeed(scope.data(), scope.size(), keys_[kLanes]))};
}

void BlockHasher::Append(NodeId prefix, Bytes blocks, std::vector<NodeId>& ids) const {
  const std::size_t before = ids.size();
  ids.resize(before + blocks.size() / block_bytes_);
  HashRun<0>(blocks, prefix.value, ids.data() + before);
}

std::uint64_t HashKeyId(const BlockHashOptions& options) {
  std::uint64_t key = Mix64(options.seed ^ 0x70726566697832u);
  key = Mix64(key ^ options.text_block_bytes);
  return Mix64(key ^ options.tokens_block_tokens);
}

}  // namespace prefixmesh
