// overview.h — many arms at a glance: of each metric what every arm has, and what its comparison with the first says.
//
// Threads: any, pure. Ownership: points into the experiment and the analysis. Units: a metric's own. Errors: none.
// Bounds: a row per metric, a cell per arm.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/ab/analysis.h"

namespace prefixmesh::bench::ab {

struct OverviewCell {
  // Over the arm's comparable runs; nothing where one of them did not measure it. Of "killed": how many runs were.
  std::optional<double> value;
  std::optional<MetricVerdict> verdict;  // nothing: the first arm, or not compared
};

struct OverviewRow {
  const ReadableMetric* metric = nullptr;
  std::vector<OverviewCell> cells;  // as Overview::arms
};

struct Overview {
  std::vector<std::size_t> arms;  // the first, then all that are judged
  std::vector<OverviewRow> rows;
};

// Empty with two arms: their only comparison says it all.
Overview OverviewOf(const Experiment& experiment, const Analysis& analysis);

// "B (two-layer) is better than A (off) at cached share, worse at peak RSS; no difference at 7, no verdict at 2, not
// compared 1."
std::string InOneSentence(const Experiment& experiment, const ArmComparison& comparison);

}  // namespace prefixmesh::bench::ab
