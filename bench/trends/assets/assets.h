// assets.h — the style of a report over many runs, built into the program (bench/report/assets/embed.cmake).
// Threads: any. Ownership: static text. Errors: none.
#pragma once

#include <string_view>

namespace prefixmesh::bench {

std::string_view TrendsStyle();  // after ReportStyle()

}  // namespace prefixmesh::bench
