#include "impl/wire/path_hash.h"

#include <blake3.h>

namespace prefixmesh::generations {

std::uint64_t PathHash(const Slices& prompt) {
  blake3_hasher hasher;
  blake3_hasher_init(&hasher);
  for (const Bytes piece : prompt.pieces()) blake3_hasher_update(&hasher, piece.data(), piece.size());
  std::uint8_t first[8];
  blake3_hasher_finalize(&hasher, first, sizeof(first));
  std::uint64_t hash = 0;
  for (unsigned i = 0; i < sizeof(first); ++i) hash |= std::uint64_t{first[i]} << (8 * i);
  return hash == 0 ? 1 : hash;
}

}  // namespace prefixmesh::generations
