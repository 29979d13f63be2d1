// text_tree.h — the text radix tree of the generations: which workers hold which prefixes, by the text itself.
//
// It costs what the prompts cost: a new prompt's unique tail is copied into the tree. Threads, bounds, recency and
// accounting: radix_tree.h. A "char" is a byte here; theirs counted Unicode scalars, the same for ASCII prompts.
#pragma once

#include <cstdint>

#include "impl/tree/radix_tree.h"

namespace prefixmesh {

struct TextTreeOptions {
  // Chars each tenant may hold, over all its nodes; held by Evict. The generations' command line default.
  std::uint64_t chars_per_tenant_max = 1ull << 26;
};

class TextTree final : public RadixTree {
 public:
  explicit TextTree(const TextTreeOptions& options = {});

  // The whole tree, as the generations that exchanged snapshots took it out and put it in.
  using RadixTree::Merge;
  using RadixTree::Walk;
  using RadixTree::WholeNode;
};

}  // namespace prefixmesh
