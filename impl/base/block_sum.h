// block_sum.h — a set of blocks as a few numbers: how many, and the sum of their ids. Two sets with the same are the
// same, but for one in 2^64: ids are hashes. So a router's index and a worker's cache are compared block by block
// without sending either.
//
// How far two sets differ is asked of a sample: one id in kSampleOf is in it, the same ones everywhere, and the sum
// counts how many of the set are.
//
// Threads: a value. Ownership, errors, bounds, time: none.
#pragma once

#include <cstdint>

#include "impl/base/ids.h"

namespace prefixmesh {

struct BlockSum {
  static constexpr std::uint64_t kSampleOf = 16;
  static bool InSample(NodeId id) { return id.value % kSampleOf == 0; }

  std::uint64_t blocks = 0, ids = 0;
  std::uint64_t sampled = 0;  // of the blocks, those in the sample

  void Add(NodeId id) {
    ++blocks;
    ids += id.value;
    sampled += InSample(id);
  }
  void Remove(NodeId id) {
    --blocks;
    ids -= id.value;
    sampled -= InSample(id);
  }
  friend bool operator==(const BlockSum&, const BlockSum&) = default;
};

}  // namespace prefixmesh
