// arm_comparison.h — two arms of an A/B, pair by pair: which pairs count, and what metrics and guards say over them.
//
// A pair counts when both of its runs are ok and trusted, ran the same plan, on the same machine and build. What does
// not count is marked in words. A run that was killed at its memory cap is a result: its figures end at its death and
// are not compared, but the death is, as one metric more ("killed": 1 or 0 per run) for comparisons in which it
// happened.
//
// A value that an arm has in none of its runs has nothing to be compared with (`not_compared`, no effect on the
// verdict): a strategy may have no such thing. One that was measured in some takes the whole metric its verdict:
// leaving out the pairs in which it is missing would leave out the worst (a percentile is null because it is infinite).
// The same holds of a value over the answered requests of a run in which too many failed.
//
// Threads: any, pure. Ownership: values; the runs are borrowed. Units: metrics' own; shares. Errors: none. Bounds:
// those of the experiment.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "bench/ab/experiment.h"
#include "bench/ab/statistics/verdict.h"

namespace prefixmesh::bench::ab {

struct PairPoint {
  std::size_t pair = 0;
  std::optional<double> a, b;
  bool used = false;
};

struct MetricResult {
  ReadableMetric metric;
  MetricComparison comparison;
  std::optional<double> median_a, median_b;  // over the pairs that were used
  std::vector<PairPoint> points;             // every pair
  std::string reason;                        // in words, where the verdict needs some
  // Pairs in which an arm has no value, one of too few samples, or one over requests of which too many failed.
  std::size_t missing_a = 0, missing_b = 0;
  bool failing = false;  // some for the last reason
};

struct NotCompared {
  std::string metric;
  std::string reason;
};

struct ArmComparison {
  std::size_t base = 0, arm = 0;  // places in the experiment's arms
  bool beside = false;            // shown, not judged
  std::size_t pairs = 0;          // that can be compared
  std::vector<MetricResult> metrics;
  std::vector<NotCompared> not_compared;
  std::vector<GuardResult> guards;
};

// [pair][arm]; null where a run is missing, which RunExperiment never leaves.
using RunTable = std::vector<std::vector<const RunFacts*>>;

ArmComparison CompareArms(const ExperimentRequest& request, const RunTable& table, std::size_t base, std::size_t arm);

// In words; `pairs` is below kPairsMin.
std::string TooFewPairs(std::size_t pairs);

// What a comparison in which a run was killed has beside the metrics of its scenario: 1 or 0 per run.
const ReadableMetric& KilledMetric();

}  // namespace prefixmesh::bench::ab
