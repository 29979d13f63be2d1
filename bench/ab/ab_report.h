// ab_report.h — an A/B as ONE html file that opens from disk, without network: every arm, every pair visible.
//
// Per metric and comparison: the verdict, the pairs' medians, the change with its interval, and a plot in which every
// pair is a dot (the change of B against A in that pair) over the interval and the practical threshold. Plots are
// inline SVG made here; there is no script. Colours follow the reader's light or dark setting (bench/report's style
// sheet). The content security policy allows exactly the style of this file, by its hash.
//
// Threads: any, pure. Time: none; the same input gives the same bytes. Units: beside every number. Ownership: values.
// Errors: none. Every text from a scenario or a result is escaped.
#pragma once

#include <string>

#include "bench/ab/analysis.h"

namespace prefixmesh::bench::ab {

std::string RenderAbReport(const Experiment& experiment, const Analysis& analysis);

}  // namespace prefixmesh::bench::ab
