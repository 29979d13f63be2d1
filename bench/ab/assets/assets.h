// assets.h — the A/B report's own style, built into the program (bench/report/assets/embed.cmake).
// Threads: any. Ownership: static text. Errors: none.
#pragma once

#include <string_view>

namespace prefixmesh::bench {

std::string_view AbReportStyle();  // after ReportStyle()

}  // namespace prefixmesh::bench
