#include "impl/tree/token_tree.h"

namespace prefixmesh {

static_assert(kTokensPerPage * kBytesPerToken <= RadixTree::kUnitBytesMax);

TokenTree::TokenTree(const TokenTreeOptions& options)
    : RadixTree({.unit_bytes = kTokensPerPage * kBytesPerToken,
                 .tenant_bytes_max = options.tokens_per_tenant_max * kBytesPerToken}) {}

}  // namespace prefixmesh
