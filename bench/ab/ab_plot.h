// ab_plot.h — one metric's pairs as inline SVG: a dot per pair, first pair on top, over the interval and the threshold.
//
//        ░░░░░░│░░░░░░   threshold band around "no change"
//              │  ●
//            ● │▓▓▓▓┃▓▓  interval and median
//              │    ●
//   -5 %       0       +5 %
//
// The axis is the log ratio (a halving is as far as a doubling), its labels are percent. A pair without a ratio (0 in
// one arm) stands at the edge, open; one that was not used is grey and open. Each dot tells its values when pointed at.
//
// Threads: any, pure. Units: labels have theirs. Errors: none. Ownership: values. Coordinates are percent of the width,
// so that the text keeps its size on any screen.
#pragma once

#include <string>

#include "bench/ab/analysis.h"

namespace prefixmesh::bench::ab {

// `arm_a` and `arm_b` are escaped names. Empty when no pair has both values.
std::string PairsPlot(const MetricResult& metric, const std::string& arm_a, const std::string& arm_b);

}  // namespace prefixmesh::bench::ab
