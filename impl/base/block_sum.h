// block_sum.h — a set of blocks as two numbers: how many, and the sum of their ids. Two sets with the same are the
// same, but for one in 2^64: ids are hashes. So a router's index and a worker's cache are compared block by block
// without sending either.
//
// Threads: a value. Ownership, errors, bounds, time: none.
#pragma once

#include <cstdint>

#include "impl/base/ids.h"

namespace prefixmesh {

struct BlockSum {
  std::uint64_t blocks = 0, ids = 0;

  void Add(NodeId id) {
    ++blocks;
    ids += id.value;
  }
  void Remove(NodeId id) {
    --blocks;
    ids -= id.value;
  }
  friend bool operator==(const BlockSum&, const BlockSum&) = default;
};

}  // namespace prefixmesh
