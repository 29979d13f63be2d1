// guards.h — what no arm may get worse at, whatever it gains: requests that fail, placements that do not arrive or are
// lost, frames above a limit.
//
// Guards stand outside Holm's family (twelve metrics are all that nine pairs can decide) and have no test: what they
// count is 0 in a sound run, so each pair's difference is held against a threshold in the figure's own unit.
// `regressed` when the pairs' median reaches it, `kept` when no pair does, `unstable` between. A count of what must
// never happen has no such middle: one pair is enough where the other arm has none at all.
//
// A gain that comes with less work is none, so guards also say which values cannot be compared: a cost, where an arm
// delivers less; a latency or where requests went, where an arm answers fewer, because both are of the answered only.
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
  bool never = false;    // what must not happen even once
  std::optional<double> (*value)(const nlohmann::json& result) = nullptr;
};
std::span<const Guard, kGuardCount> Guards();
GuardValues GuardValuesOf(const nlohmann::json& result);

struct GuardResult {
  const Guard* guard = nullptr;
  std::size_t pairs = 0;                                 // in which both arms were measured
  std::optional<double> median_a, median_b, difference;  // of the pairs: B - A
  std::size_t pairs_worse = 0;                           // in which B is worse by the threshold
  std::optional<double> worst;                           // B - A of the worst of them
  std::string_view verdict;                              // kept, unstable, regressed, not_measured or not_enough_pairs
  bool regressed() const { return verdict == "regressed"; }
};
// One per guard, of the pairs (A, B) that can be compared.
std::vector<GuardResult> JudgeGuards(std::span<const std::pair<const GuardValues*, const GuardValues*>> pairs);

// Of the medians of an arm.
GuardValues MediansOf(std::span<const GuardResult> guards, bool of_b);

// Whether the metric is over the requests that were answered.
bool IsOfAnswered(const ReadableMetric& metric);
// A run whose answered requests are not those of the other: above kFailedShareMax, or above the other's by
// kFailedShareDiffers.
inline constexpr double kFailedShareMax = 0.01, kFailedShareDiffers = 0.002;
bool FailsTooMuch(const GuardValues& run, const GuardValues& other);

// Why the metric's values of two runs, or the medians of two arms, are not of the same work; empty: they can be
// compared.
std::string WhyNotComparable(const ReadableMetric& metric, const GuardValues& a, const GuardValues& b);

std::optional<double> FailedShare(const GuardValues& values);

// "+0.25 points", "+1".
std::string DifferenceText(const Guard& guard, const std::optional<double>& difference);
// "in 4 of 9 pairs, by +500 at most"; empty where no pair reaches the threshold.
std::string WorseText(const GuardResult& result);

}  // namespace prefixmesh::bench::ab
