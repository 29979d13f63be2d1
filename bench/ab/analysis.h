// analysis.h — from finished runs to what the A/B says: per metric, per arm, and as a whole.
//
// Every arm is compared with the first one (arm_comparison.h). One comparison is one family for Holm: its metrics. With
// k comparisons the chance of any false call is up to k times that of one; the output says so.
//
// Guards (guards.h) can make a comparison regressed or unstable, and a metric not comparable. For the whole, a metric
// that failures made so counts as unstable, a cost between arms that deliver unlike for nothing.
//
// Threads: any, pure. Ownership: values. Units: metrics' own; shares. Errors: none. Bounds: those of the experiment.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/ab/arm_comparison.h"
#include "bench/ab/experiment.h"

namespace prefixmesh::bench::ab {

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

}  // namespace prefixmesh::bench::ab
