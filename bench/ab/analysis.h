// analysis.h — from finished runs to what the A/B says: per metric, per arm, and as a whole.
//
// Every arm is compared with the first one, pair by pair. One comparison is one family for Holm: its metrics. With k
// comparisons the chance of any false call is up to k times that of one; the output says so.
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
// Guards (guards.h) can make a comparison regressed or unstable, and a metric not comparable. For the whole, a metric
// that failures made so counts as unstable, a cost between arms that deliver unlike for nothing.
//
// Threads: any, pure. Ownership: values. Units: metrics' own; shares. Errors: none. Bounds: those of the experiment.
#pragma once

#include <optional>
#include <string>
#include <string_view>
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

struct ArmSummary {
  std::size_t runs = 0, killed = 0, untrusted = 0, missed = 0;  // missed: runs that did not reach an objective
};

enum class AbVerdict : std::uint8_t { kRegressed, kUntrusted, kNotEnoughPairs, kUnstable, kImproved, kUnchanged };
std::string_view AbVerdictName(AbVerdict verdict);
// 1 regressed; 3 untrusted, not_enough_pairs, unstable; else 0.
int AbExitCode(AbVerdict verdict);

struct Analysis {
  std::vector<ArmSummary> arms;
  std::vector<ArmComparison> comparisons;
  std::vector<std::string> plan_fingerprints;  // one per pair
  std::vector<std::string> notes;              // marks and refusals, in words
  bool null_experiment = false;                // all arms are the same one: this machine's noise floor
  AbVerdict verdict = AbVerdict::kNotEnoughPairs;
};

Analysis Analyse(const Experiment& experiment);

// What a comparison in which a run was killed has beside the metrics of its scenario: 1 or 0 per run.
const ReadableMetric& KilledMetric();

}  // namespace prefixmesh::bench::ab
