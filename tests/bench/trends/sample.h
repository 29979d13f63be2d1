// sample.h — made runs, for the test and the page that a browser opens.
#pragma once

#include <cstddef>
#include <vector>

#include "bench/store/run_line.h"

namespace prefixmesh::bench {

// `each` runs of every scenario and strategy, of all figures: levels with some noise, a step in the middle.
std::vector<RunLine> SampleRuns(std::size_t scenarios, std::size_t strategies, std::size_t each);

}  // namespace prefixmesh::bench
