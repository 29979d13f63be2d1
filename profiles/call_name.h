// call_name.h — a call of a stack as people and files name it: "prefixmesh::BlockIndex::Insert (block_index.cc)".
// Parameters and templates go: they are long, and no two compilers write them alike; blanks become _.
//
// Threads: pure. Ownership: a value of printable ASCII. Errors: none. Bounds: kCallNameMax columns.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace prefixmesh::profiles {

inline constexpr std::size_t kCallNameMax = 160;

std::string CallName(std::string_view call);

}  // namespace prefixmesh::profiles
