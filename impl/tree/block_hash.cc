#include "impl/tree/block_hash.h"

#include <algorithm>
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

std::uint64_t Fold(std::uint64_t prefix, std::uint64_t block) {
  const unsigned __int128 product =
      static_cast<unsigned __int128>(prefix ^ kPrefixSalt) * static_cast<unsigned __int128>(block ^ kBlockSalt);
  const std::uint64_t folded = static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  return folded != 0 ? folded : 1;
}

}  // namespace

BlockHasher::BlockHasher(const BlockHashOptions& options, std::string_view model, Kind kind)
    : block_bytes_(kind == Kind::kText ? options.text_block_bytes
                                       : options.tokens_block_tokens * static_cast<std::uint32_t>(kBytesPerToken)) {
  PREFIXMESH_CHECK(block_bytes_ >= kBlockBytesMin && block_bytes_ <= kBlockBytesMax);
  const std::uint64_t domain = Mix64(options.seed ^ Mix64(kind == Kind::kText ? 1 : 2));
  root_ = Mix64(domain ^ XXH3_64bits_withSeed(model.data(), model.size(), domain));
}

void BlockHasher::Hash(const Slices& prompt, std::vector<NodeId>& ids) const {
  ids.clear();
  ids.reserve(prompt.size() / block_bytes_);
  std::uint64_t id = root_;
  std::uint8_t straddling[kBlockBytesMax];  // a block that lies in more than one piece is put together here
  std::size_t held = 0;
  for (Bytes piece : prompt.pieces()) {
    if (held > 0) {
      const std::size_t take = std::min<std::size_t>(block_bytes_ - held, piece.size());
      std::memcpy(straddling + held, piece.data(), take);
      held += take;
      piece = piece.subspan(take);
      if (held < block_bytes_) continue;
      id = Fold(id, XXH3_64bits(straddling, block_bytes_));
      ids.push_back(NodeId{id});
      held = 0;
    }
    while (piece.size() >= block_bytes_) {
      id = Fold(id, XXH3_64bits(piece.data(), block_bytes_));
      ids.push_back(NodeId{id});
      piece = piece.subspan(block_bytes_);
    }
    std::memcpy(straddling, piece.data(), piece.size());
    held = piece.size();
  }
}

std::uint64_t HashKeyId(const BlockHashOptions& options) {
  std::uint64_t key = Mix64(options.seed ^ 0x70726566697831u);
  key = Mix64(key ^ options.text_block_bytes);
  return Mix64(key ^ options.tokens_block_tokens);
}

}  // namespace prefixmesh
