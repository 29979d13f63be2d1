// suite_files.h — the suites that are built in, as text. Threads: any. Ownership: static. Errors: none.
#pragma once

#include <string_view>

namespace prefixmesh::bench {

std::string_view ShortSuite();
std::string_view FullSuite();

}  // namespace prefixmesh::bench
