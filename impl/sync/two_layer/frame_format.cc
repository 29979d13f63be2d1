#include "impl/sync/two_layer/frame_format.h"

#include <xxhash.h>

#include <bit>
#include <iterator>

#include "impl/base/prng.h"
#include "impl/base/seeded_bug.h"

namespace prefixmesh::two_layer {

const char* RefuseReasonName(RefuseReason reason) {
  constexpr const char* kNames[] = {"unknown",  "version", "hash_key",       "corrupt", "block_size",
                                    "identity", "fork",    "unknown_origin", "too_big", "names"};
  const auto at = static_cast<std::size_t>(reason);
  return at < std::size(kNames) ? kNames[at] : kNames[0];
}

SlotBits SlotBitsFor(std::size_t workers, std::size_t scopes) {
  const auto bits = [](std::size_t count) { return count < 2 ? 0u : static_cast<unsigned>(std::bit_width(count - 1)); };
  return {bits(workers), bits(scopes)};
}

std::uint64_t SealKey(Incarnation sender, Incarnation receiver) {
  if (Seeded(Bug::kseal_without_lives)) return 1;
  return Mix64(sender.value + Mix64(receiver.value));
}

std::uint32_t SealOf(std::string_view bytes, std::uint64_t key) {
  return static_cast<std::uint32_t>(XXH3_64bits_withSeed(bytes.data(), bytes.size(), key));
}

}  // namespace prefixmesh::two_layer
