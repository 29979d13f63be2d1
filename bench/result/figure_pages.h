// figure_pages.h — the table of a router's figures (impl/figures/) as pages: what `prefixmesh list figures` prints.
//
// Files of the repository are made of them, and a test compares: the router's part of dashboards/metrics.md.
// Threads: pure. Ownership: values. Errors: none; `format` is one of kFigureFormats. Bounds: the table's.
#pragma once

#include <string>
#include <string_view>

namespace prefixmesh::bench {

// text: a line per figure. metrics: the Markdown table of a router's /metrics.
inline constexpr std::string_view kFigureFormats[] = {"text", "metrics"};

std::string FigurePage(std::string_view format);

}  // namespace prefixmesh::bench
