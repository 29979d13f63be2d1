// Goal: saying how large something is costs nothing: no allocation, whatever the tree holds. A log line that cloned the
// tree to print its length cost the original 850 MB.
#include <string>

#include "impl/base/prng.h"
#include "impl/tree/block_hash.h"
#include "impl/tree/block_index.h"
#include "impl/tree/text_tree.h"
#include "tests/support/allocations.h"
#include "tests/support/properties.h"

namespace prefixmesh {
namespace {

void RequireFreeSize(PrefixTree& tree) {
  Prng prng(1);
  const BlockHasher hasher({}, "m", Kind::kText);
  for (int i = 0; i < 200; ++i) {
    std::string text;
    while (text.size() < 5000) text.push_back(static_cast<char>('a' + prng.Below(26)));
    const Slices slices(AsBytes(text));
    std::vector<NodeId> blocks;
    hasher.Hash(slices, blocks);
    tree.Insert({Kind::kText, &slices, blocks}, WorkerIndex{static_cast<std::uint16_t>(i % 3)});
  }
  const test::AllocationCount before = test::Allocations();
  TreeSize size;
  for (int i = 0; i < 1000; ++i) size = tree.Size();
  REQUIRE(test::Allocations().count == before.count);
  REQUIRE(size.bytes > 0);
}

TEST_CASE("BlockIndex: its size is a read, not a walk") {
  BlockIndex index({});
  RequireFreeSize(index);
}

TEST_CASE("TextTree: its size is a read, not a walk") {
  TextTree tree;
  RequireFreeSize(tree);
}

}  // namespace
}  // namespace prefixmesh
