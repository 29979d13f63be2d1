// assets.h — the report's parts, built into the program by embed.cmake.
// Threads: any. Ownership: static text. Errors: none.
#pragma once

#include <string_view>

namespace prefixmesh::bench {

std::string_view ReportTemplate();  // template.html: @TITLE@ @CSP@ @STYLE@ @BODY@ @DATA@ @SCRIPT@
std::string_view ReportStyle();
std::string_view ReportScript();
std::string_view UplotStyle();  // third_party/uplot
std::string_view UplotScript();

}  // namespace prefixmesh::bench
