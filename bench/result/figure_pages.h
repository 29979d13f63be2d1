// figure_pages.h — the tables of figures (impl/figures/) as pages: what `prefixmesh list figures` prints.
//
// Files of the repository are made of them, and a test compares: results/schema.json, the tables of docs/results.md and
// those of dashboards/metrics.md.
// Threads: pure. Ownership: values. Errors: none; `format` is one of kFigureFormats. Bounds: the tables'.
#pragma once

#include <string>
#include <string_view>

#include "impl/figures/figure.h"

namespace prefixmesh::bench {

// text: a line per figure. metrics: the Markdown table of a router's /metrics, worker_metrics and load_metrics those of
// the others. results: the Markdown tables of
// result.json. schema: its JSON Schema.
inline constexpr std::string_view kFigureFormats[] = {"text",         "metrics", "worker_metrics",
                                                      "load_metrics", "results", "schema"};

std::string FigurePage(std::string_view format);

std::string_view UnitName(Unit unit);  // "bytes/s", as in the pages

}  // namespace prefixmesh::bench
