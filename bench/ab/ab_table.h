// ab_table.h — what an A/B says in the terminal when it is over.
// Threads: any, pure. Units: beside every number; "-" was not measured. Errors: none. Bounds: at most 80 columns of
// printable ASCII (and µ), whatever a scenario calls its metrics.
#pragma once

#include <string>

#include "bench/ab/analysis.h"

namespace prefixmesh::bench::ab {

// A row per metric and comparison, the notes, and the verdict as the last line. Ends with a newline.
std::string RenderAbTable(const Experiment& experiment, const Analysis& analysis);

}  // namespace prefixmesh::bench::ab
