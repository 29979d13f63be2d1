// compare.h — two stored results side by side: `prefixmesh compare`. One pair has no statistics, and it says so.
//
// Threads: any, pure. Ownership: values. Units: the metrics' own. Errors: kInvalid when the two cannot be compared at
// all: they did not run the same plan. What only makes it doubtful is marked in words. Bounds: 80 columns.
#pragma once

#include <string>
#include <vector>

#include "bench/ab/metrics.h"
#include "bench/ab/run_facts.h"
#include "impl/base/result.h"

namespace prefixmesh::bench::ab {

Result<std::string> RenderComparison(const RunFacts& a, const RunFacts& b, const std::vector<ReadableMetric>& metrics);

}  // namespace prefixmesh::bench::ab
