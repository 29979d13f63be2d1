// token_tree.h — the token tree of the generations: pages of 16 tokens in a radix tree.
//
// Only whole pages are kept and matched, so a sequence below 16 tokens is not cached, and a match is a multiple of 16
// tokens. Tokens are 4 little-endian bytes each (tree.h). Threads, bounds, recency and accounting: radix_tree.h.
#pragma once

#include <cstdint>

#include "impl/tree/radix_tree.h"

namespace prefixmesh {

inline constexpr std::uint32_t kTokensPerPage = 16;

struct TokenTreeOptions {
  // Tokens each tenant may hold, over all its nodes; held by Evict. The generations' command line default.
  std::uint64_t tokens_per_tenant_max = 1ull << 26;
};

class TokenTree final : public RadixTree {
 public:
  explicit TokenTree(const TokenTreeOptions& options = {});
};

}  // namespace prefixmesh
