#include "bench/ab/guards.h"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench/ab/statistics/bootstrap.h"
#include "bench/ab/statistics/verdict.h"
#include "bench/report/figures.h"
#include "impl/figures/figures.h"

namespace prefixmesh::bench::ab {
namespace {

enum { kFailed, kApplied, kLost, kOversized };

// With this many points less delivered, what was sent cannot be compared.
constexpr double kDeliveredDiffers = 0.01;
// With this difference in failures, or so many of them, latencies are of other requests.
constexpr double kFailedDiffers = 0.002, kFailedMax = 0.01;

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
    {"failed share", "regressed at +0.2 points", Quantity::kShare, true, 0.002,
     [](const nlohmann::json& result) { return FigureValue(result, kLoadGroup, LoadFigure("failed_share")); }},
    {"applied", "regressed at -1 point", Quantity::kShare, false, 0.01,
     [](const nlohmann::json& result) {
       return FigureValue(result, kPlacementsGroup, PlacementFigure("applied_share"));
     }},
    {"lost share", "regressed at +1 point", Quantity::kShare, true, 0.01, LostShare},
    {"oversize warnings", "regressed at one more", Quantity::kCount, true, 1, Oversize},
};

// Floating point takes 1 % - 0 % for a little less than 1 %.
bool Reaches(double value, double threshold) { return value > threshold * (1 - 1e-9); }

bool IsCost(const ReadableMetric& metric) {
  return metric.quantity == Quantity::kBytes || metric.quantity == Quantity::kBytesPerSecond ||
         metric.declared.value.find("cpu") != std::string::npos;
}
bool IsLatency(const ReadableMetric& metric) {
  const std::string path = metric.value.PathText();
  return path.starts_with("load.latency") || path.starts_with("load.ttft");
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
    }
    result.pairs = differences.size();
    result.verdict = pairs.empty() || !differences.empty() ? "not_enough_pairs" : "not_measured";
    if (differences.empty()) continue;
    result.median_a = Median(a);
    result.median_b = Median(b);
    result.difference = Median(differences);
    if (result.pairs < kPairsMin) continue;
    const double worse = kGuards[i].lower_is_better ? *result.difference : -*result.difference;
    result.verdict = Reaches(worse, kGuards[i].threshold) ? "regressed" : "kept";
  }
  return results;
}

std::string WhyNotComparable(const ReadableMetric& metric, std::span<const GuardResult> guards) {
  const GuardResult &failed = guards[kFailed], &applied = guards[kApplied];
  if (IsCost(metric) && applied.difference && Reaches(std::fabs(*applied.difference), kDeliveredDiffers))
    return "a cost cannot be compared where the arms deliver unlike: " + Points(*applied.median_a, "%.2f %%") +
           " and " + Points(*applied.median_b, "%.2f %%") + " of the placements were applied";
  if (!IsLatency(metric) || !failed.difference) return "";
  if (std::fabs(*failed.difference) > kFailedDiffers || *failed.median_a > kFailedMax || *failed.median_b > kFailedMax)
    return "a latency is of the requests that were answered: " + Points(*failed.median_a, "%.2f %%") + " and " +
           Points(*failed.median_b, "%.2f %%") + " failed";
  return "";
}

std::string DifferenceText(const GuardResult& result) {
  if (!result.difference) return "-";
  if (result.guard->quantity == Quantity::kShare) return Points(*result.difference, "%+.2f points");
  char text[32];
  std::snprintf(text, sizeof text, "%+.0f", *result.difference);
  return text;
}

}  // namespace prefixmesh::bench::ab
