#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "bench/ab/metrics.h"
#include "bench/ab/statistics/bootstrap.h"
#include "bench/ab/statistics/verdict.h"
#include "bench/nightly/gates.h"
#include "bench/result/field_value.h"
#include "bench/result/json_at.h"
#include "impl/base/nesting.h"

namespace prefixmesh::bench {
namespace {

constexpr double kThresholdPercent = 10;
constexpr std::string_view kFloorRatio = "x_floor";  // bench/micro/tree/decision_bench.cc

using Ratios = std::map<std::string, double>;  // "text/decision x_floor"

// "text/decision/iterations:17500/manual_time" is text/decision.
std::string NameOf(const std::string& name) { return name.substr(0, name.find("/iterations:")); }

Result<Ratios> ReadRatios(const std::string& text, const std::string& file) {
  if (Status nesting = CheckNesting(text); !nesting.ok()) return Invalid(file + ": " + nesting.error().message);
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  Ratios ratios;
  for (const nlohmann::json& benchmark : ArrayAt(json, "benchmarks")) {
    if (!benchmark.is_object()) continue;
    for (const auto& [key, value] : benchmark.items())
      if (key.ends_with(kFloorRatio) && value.is_number() && value.get<double>() > 0)
        ratios[NameOf(TextAt(benchmark, "name", "-")) + (key == kFloorRatio ? "" : " " + key)] = value.get<double>();
  }
  if (ratios.empty()) return Error{ErrorCode::kUnavailable, file + ": holds no ratio to the floor"};
  return ratios;
}

std::string Ratio(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", value);
  return text;
}

Result<std::vector<Finding>> Look(const NightContext& context, const std::string& suffix) {
  const NightRequest& request = context.request;
  const MicroCell& cell = request.suite.micro;
  std::map<std::string, ab::MetricPairs> all;
  for (std::uint64_t pair = 1; pair <= cell.pairs; ++pair) {
    context.say("micro benchmarks: pair " + std::to_string(pair) + " of " + std::to_string(cell.pairs));
    std::map<bool, Ratios> of_new;
    for (const bool is_new : {pair % 2 == 0, pair % 2 != 0}) {  // each build is first in turn
      const std::string file =
          request.out + "/micro" + suffix + "/pair-" + std::to_string(pair) + (is_new ? "-B" : "-A") + ".json";
      const Result<std::string> text =
          context.tools.micro(is_new ? request.build.bin_dir : request.baseline.bin_dir, cell, file);
      Result<Ratios> ratios = text.ok() ? ReadRatios(*text, file) : Result<Ratios>(text.error());
      if (!ratios.ok() &&
          (ratios.error().code == ErrorCode::kInterrupted || ratios.error().code == ErrorCode::kNotFound))
        return ratios.error();
      const bool own = is_new || request.baseline.bin_dir == request.build.bin_dir;
      if (!ratios.ok()) return std::vector<Finding>{BrokeFinding("micro", own, ratios.error())};
      of_new[is_new] = std::move(*ratios);
    }
    for (const auto& [name, ratio] : of_new[true]) {
      const auto before = of_new[false].find(name);
      if (before == of_new[false].end()) continue;  // a benchmark that one build lacks
      ab::MetricPairs& pairs = all.try_emplace(name, ab::MetricPairs{{}, {}, true, kThresholdPercent}).first->second;
      pairs.a.push_back(before->second);
      pairs.b.push_back(ratio);
    }
  }
  std::vector<ab::MetricPairs> family;
  for (const auto& [name, pairs] : all) family.push_back(pairs);
  const std::vector<ab::MetricComparison> compared = ab::CompareFamily(family, request.seed);
  std::vector<Finding> findings;
  std::size_t place = 0;
  for (const auto& [name, pairs] : all) {
    const ab::MetricComparison& each = compared[place++];
    findings.push_back({Gate::kRuns, "micro", name, VerdictOf(each.verdict),
                        std::string(ab::MetricVerdictName(each.verdict)),
                        Ratio(ab::Median(pairs.a)) + " → " + Ratio(ab::Median(pairs.b)) + " of the floor, " +
                            ab::ChangeText(each.median_change)});
  }
  return findings;
}

}  // namespace

Status CompareMicro(const NightContext& context) {
  if (context.request.suite.micro.pairs == 0) return {};
  std::string missing = context.request.baseline.bin_dir.empty() ? context.request.no_baseline : "";
  if (missing.empty()) {
    const Status looked = LookTwice(context, "micro", [&](const std::string& suffix) { return Look(context, suffix); });
    if (looked.ok() || looked.error().code != ErrorCode::kNotFound) return looked;
    missing = looked.error().message;
  }
  context.night.findings.push_back({Gate::kRuns, "micro", "all", FindingVerdict::kNotApplicable, "not-here", missing});
  return {};
}

}  // namespace prefixmesh::bench
