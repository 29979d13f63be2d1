// guards.h — what no arm may get worse at, whatever it gains: requests that fail, placements that do not arrive or are
// lost, frames above a limit.
//
// Guards stand outside Holm's family (twelve metrics are all that nine pairs can decide) and have no test: what they
// count is 0 in a sound run, so the median of the pairs' differences is compared with a threshold in the figure's own
// unit. A gain that comes with less work is none, so guards also say which metrics cannot be compared: a cost, where an
// arm delivers less; a latency, where an arm answers fewer.
//
// Threads: any, pure. Units: shares as shares, counts as counts. Ownership: constants and values. Errors: none.
// Bounds: kGuardCount.
#pragma once

#include <array>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/ab/metrics.h"

namespace prefixmesh::bench::ab {

inline constexpr std::size_t kGuardCount = 4;
using GuardValues = std::array<std::optional<double>, kGuardCount>;

struct Guard {
  std::string_view name;
  std::string_view rule;  // what it calls regressed, in words
  Quantity quantity = Quantity::kShare;
  bool lower_is_better = true;
  double threshold = 0;  // in the value's unit
  std::optional<double> (*value)(const nlohmann::json& result) = nullptr;
};
std::span<const Guard, kGuardCount> Guards();
GuardValues GuardValuesOf(const nlohmann::json& result);

struct GuardResult {
  const Guard* guard = nullptr;
  std::size_t pairs = 0;                                 // in which both arms were measured
  std::optional<double> median_a, median_b, difference;  // of the pairs: B - A
  std::string_view verdict;                              // kept, regressed, not_measured or not_enough_pairs
  bool regressed() const { return verdict == "regressed"; }
};
// One per guard, of the pairs (A, B) that can be compared.
std::vector<GuardResult> JudgeGuards(std::span<const std::pair<const GuardValues*, const GuardValues*>> pairs);

// Why this metric says nothing here; empty: it can be compared.
std::string WhyNotComparable(const ReadableMetric& metric, std::span<const GuardResult> guards);

// "+0.25 points", "+1".
std::string DifferenceText(const GuardResult& result);

}  // namespace prefixmesh::bench::ab
