#include "impl/tree/text_tree.h"

namespace prefixmesh {

TextTree::TextTree(const TextTreeOptions& options)
    : RadixTree({.unit_bytes = 1, .tenant_bytes_max = options.chars_per_tenant_max}) {}

}  // namespace prefixmesh
