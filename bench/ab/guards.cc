#include "bench/ab/guards.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench/ab/statistics/bootstrap.h"
#include "bench/ab/statistics/verdict.h"
#include "bench/result/key_figures.h"
#include "bench/text/quantity.h"
#include "impl/figures/figures.h"

namespace prefixmesh::bench::ab {
namespace {

enum { kFailed, kApplied, kLost, kOversized };

// With this many points less delivered, what was sent cannot be compared.
constexpr double kDeliveredDiffers = 0.01;

std::optional<double> LostShare(const nlohmann::json& result) {
  const auto lost = FigureValue(result, kPlacementsGroup, PlacementFigure("lost")),
             pairs = FigureValue(result, kPlacementsGroup, PlacementFigure("pairs"));
  return lost && pairs.value_or(0) > 0 ? std::optional(*lost / *pairs) : std::nullopt;
}

// Of every kind, from ready to the end of idle. Results of before the phases were told apart have none of silence.
std::optional<double> Oversize(const nlohmann::json& result) {
  const auto warnings = FigureValue(result, kRouterGroup, RouterFigure("sync.oversize_warnings")),
             idle = FigureValue(result, kRouterGroup, RouterFigure("sync.oversize_by_phase.*"), "idle");
  return warnings ? std::optional(*warnings + idle.value_or(0)) : std::nullopt;
}

constexpr Guard kGuards[kGuardCount] = {
    {"failed share", "regressed at +0.2 points", Quantity::kShare, true, kFailedShareDiffers, false,
     [](const nlohmann::json& result) { return FigureValue(result, kLoadGroup, LoadFigure("failed_share")); }},
    {"applied", "regressed at -1 point", Quantity::kShare, false, 0.01, false,
     [](const nlohmann::json& result) {
       return FigureValue(result, kPlacementsGroup, PlacementFigure("applied_share"));
     }},
    {"lost share", "regressed at +1 point", Quantity::kShare, true, 0.01, false, LostShare},
    {"oversize warnings", "regressed at one more, or at any in one pair where the other arm has none", Quantity::kCount,
     true, 1, true, Oversize},
};

// Floating point takes 1 % - 0 % for a little less than 1 %.
bool Reaches(double value, double threshold) { return value > threshold * (1 - 1e-9); }

bool IsCost(const ReadableMetric& metric) {
  return metric.quantity == Quantity::kBytes || metric.quantity == Quantity::kBytesPerSecond ||
         metric.declared.value.find("cpu") != std::string::npos;
}
std::string_view Verdict(const GuardResult& result, bool none_in_a) {
  const Guard& guard = *result.guard;
  const double worse = guard.lower_is_better ? *result.difference : -*result.difference;
  if (Reaches(worse, guard.threshold) || (guard.never && none_in_a && result.pairs_worse > 0)) return "regressed";
  return result.pairs_worse > 0 ? "unstable" : "kept";
}

std::string Points(double share, const char* format) {
  char text[32];
  std::snprintf(text, sizeof text, format, share * 100);
  return text;
}

}  // namespace

std::span<const Guard, kGuardCount> Guards() { return kGuards; }

GuardValues GuardValuesOf(const nlohmann::json& result) {
  GuardValues values;
  for (std::size_t i = 0; i < kGuardCount; ++i) values[i] = kGuards[i].value(result);
  return values;
}

std::vector<GuardResult> JudgeGuards(std::span<const std::pair<const GuardValues*, const GuardValues*>> pairs) {
  std::vector<GuardResult> results;
  for (std::size_t i = 0; i < kGuardCount; ++i) {
    GuardResult& result = results.emplace_back();
    result.guard = &kGuards[i];
    std::vector<double> a, b, differences;
    for (const auto& [of_a, of_b] : pairs) {
      if (!(*of_a)[i] || !(*of_b)[i]) continue;
      a.push_back(*(*of_a)[i]);
      b.push_back(*(*of_b)[i]);
      differences.push_back(b.back() - a.back());
      const double sign = kGuards[i].lower_is_better ? 1 : -1, worse = sign * differences.back();
      if (!Reaches(worse, kGuards[i].threshold)) continue;
      ++result.pairs_worse;
      result.worst = sign * std::max(sign * result.worst.value_or(differences.back()), worse);
    }
    result.pairs = differences.size();
    result.verdict = pairs.empty() || !differences.empty() ? "not_enough_pairs" : "not_measured";
    if (differences.empty()) continue;
    result.median_a = Median(a);
    result.median_b = Median(b);
    result.difference = Median(differences);
    if (result.pairs < kPairsMin) continue;
    result.verdict = Verdict(result, *std::max_element(a.begin(), a.end()) == 0);
  }
  return results;
}

GuardValues MediansOf(std::span<const GuardResult> guards, bool of_b) {
  GuardValues values;
  for (std::size_t i = 0; i < kGuardCount; ++i) values[i] = of_b ? guards[i].median_b : guards[i].median_a;
  return values;
}

bool IsOfAnswered(const ReadableMetric& metric) {
  const std::string path = metric.value.PathText();
  return path.starts_with("load.latency") || path.starts_with("load.ttft") || path.starts_with("routing.");
}

std::optional<double> FailedShare(const GuardValues& values) { return values[kFailed]; }

bool FailsTooMuch(const GuardValues& run, const GuardValues& other) {
  const double failed = run[kFailed].value_or(0);
  return failed > kFailedShareMax || failed - other[kFailed].value_or(failed) > kFailedShareDiffers;
}

std::string WhyNotComparable(const ReadableMetric& metric, const GuardValues& a, const GuardValues& b) {
  if (IsCost(metric) && a[kApplied] && b[kApplied] &&
      Reaches(std::fabs(*a[kApplied] - *b[kApplied]), kDeliveredDiffers))
    return "a cost cannot be compared where the arms deliver unlike: " + Points(*a[kApplied], "%.2f %%") + " and " +
           Points(*b[kApplied], "%.2f %%") + " of the placements were applied";
  if (IsOfAnswered(metric) && (FailsTooMuch(a, b) || FailsTooMuch(b, a)))
    return "what is of answered requests only cannot be compared where others fail: " +
           Points(a[kFailed].value_or(0), "%.2f %%") + " and " + Points(b[kFailed].value_or(0), "%.2f %%") +
           " of the requests failed";
  return "";
}

std::string DifferenceText(const Guard& guard, const std::optional<double>& difference) {
  if (!difference) return "-";
  if (guard.quantity == Quantity::kShare) return Points(*difference, "%+.2f points");
  char text[32];
  std::snprintf(text, sizeof text, "%+.0f", *difference);
  return text;
}

std::string WorseText(const GuardResult& result) {
  if (result.pairs_worse == 0) return "";
  return "worse in " + std::to_string(result.pairs_worse) + " of " + std::to_string(result.pairs) + " pairs, by " +
         DifferenceText(*result.guard, result.worst) + " at most";
}

}  // namespace prefixmesh::bench::ab
