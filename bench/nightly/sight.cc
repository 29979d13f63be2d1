#include "bench/nightly/sight.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "bench/ab/statistics/bootstrap.h"
#include "bench/ab/statistics/verdict.h"
#include "bench/result/json_at.h"
#include "bench/store/index.h"
#include "impl/base/nesting.h"
#include "impl/base/prng.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::json;

constexpr double kEffects[] = {0.01, 0.02, 0.03, 0.05, 0.07, 0.10, 0.15, 0.20, 0.30, 0.50, 1.00};
constexpr double kPower = 0.95;

// The noise of stored pairs: as they are where both arms were one build, around their median otherwise.
std::vector<double> NoiseOf(const std::vector<const PairLine*>& lines, const std::string& figure) {
  std::vector<double> noise, of_two_builds;
  std::string night;
  const auto take = [&] {
    if (of_two_builds.empty()) return;
    const double middle = ab::Median(of_two_builds);
    for (const double each : of_two_builds) noise.push_back(each - middle);
    of_two_builds.clear();
  };
  for (const PairLine* line : lines) {
    const auto found = line->log_ratios.find(figure);
    if (found == line->log_ratios.end()) continue;
    if (line->night != night) take();
    night = line->night;
    line->same_build ? noise.push_back(found->second) : of_two_builds.push_back(found->second);
  }
  take();
  return noise;
}

}  // namespace

std::string ToJsonLine(const PairLine& line) {
  return Json{{"night", line.night},
              {"cell", line.cell},
              {"machine", line.machine},
              {"same_build", line.same_build},
              {"log_ratios", line.log_ratios}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<PairLine> ParsePairLine(std::string_view text) {
  const Error wrong = Invalid("is no pair's line");
  if (text.size() > kPairLineBytesMax || !CheckNesting(text).ok()) return wrong;
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return wrong;
  PairLine line;
  line.night = TextAt(json, "night", "");
  line.cell = TextAt(json, "cell", "");
  line.machine = TextAt(json, "machine", "");
  line.same_build = NodeAt(json, "same_build") == Json(true);
  const Json& ratios = NodeAt(json, "log_ratios");
  if (line.night.empty() || line.cell.empty() || !ratios.is_object()) return wrong;
  for (const auto& [name, value] : ratios.items()) {
    if (!value.is_number() || !std::isfinite(value.get<double>())) return wrong;
    line.log_ratios[name] = value.get<double>();
  }
  return line;
}

std::vector<PairLine> PairLinesOf(const ab::Experiment& experiment, const std::string& night, const std::string& cell) {
  std::map<std::size_t, std::array<const ab::RunFacts*, 2>> pairs;
  for (const ab::FinishedRun& run : experiment.runs)
    if (run.scheduled.arm < 2) pairs[run.scheduled.pair][run.scheduled.arm] = &run.facts;
  const std::vector<ab::Arm>& arms = experiment.request.arms;
  std::vector<PairLine> lines;
  for (const auto& [number, pair] : pairs) {
    if (pair[0] == nullptr || pair[1] == nullptr || !pair[0]->comparable() || !pair[1]->comparable()) continue;
    PairLine line{night, cell, pair[1]->machine, arms[0].build == arms[1].build, {}};
    for (std::size_t m = 0; m < experiment.request.metrics.size(); ++m) {
      const std::optional<double> a = pair[0]->values[m], b = pair[1]->values[m];
      if (a && b && *a > 0 && *b > 0) line.log_ratios[experiment.request.metrics[m].declared.name] = std::log(*b / *a);
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

double CallRate(std::span<const double> log_ratios, double effect, const SightOptions& options) {
  Prng prng = Prng::ForPurpose(options.seed, "sight");
  std::size_t called = 0;
  for (std::size_t trial = 0; trial < options.trials; ++trial) {
    ab::MetricPairs pairs;
    pairs.threshold_percent = options.threshold_percent;
    for (std::size_t i = 0; i < options.pairs; ++i) {
      const double noise = log_ratios[prng.Below(log_ratios.size())];
      pairs.a.push_back(1);
      pairs.b.push_back(std::exp((prng.Below(2) == 0 ? noise : -noise) + std::log1p(effect)));
    }
    // Holm multiplies the p of one figure by at most the size of the family.
    const ab::MetricComparison one = ab::CompareFamily(std::span(&pairs, 1), trial).front();
    called += one.verdict == ab::MetricVerdict::kRegressed &&
                      one.p.value_or(1) * static_cast<double>(options.family) < ab::kSignificance
                  ? 1
                  : 0;
  }
  return static_cast<double>(called) / static_cast<double>(options.trials);
}

std::vector<Sight> SightsOf(const std::vector<PairLine>& lines, const std::string& cell, const std::string& machine,
                            const std::vector<ab::ReadableMetric>& metrics, std::size_t pairs) {
  std::vector<const PairLine*> of_cell;
  for (const PairLine& line : lines)
    if (line.cell == cell && line.machine == machine) of_cell.push_back(&line);
  if (of_cell.size() > kPairsKeptMax) of_cell.erase(of_cell.begin(), of_cell.end() - kPairsKeptMax);
  std::vector<Sight> sights;
  for (const ab::ReadableMetric& metric : metrics) {
    const std::vector<double> noise = NoiseOf(of_cell, metric.declared.name);
    Sight& sight = sights.emplace_back(Sight{cell, metric.declared.name, noise.size(), {}, {}});
    if (noise.size() < kPairsForSight) continue;
    const SightOptions options{.pairs = pairs,
                               .family = metrics.size(),
                               .threshold_percent = metric.declared.threshold_percent,
                               .trials = 200,
                               .seed = 1};
    sight.false_calls = CallRate(noise, 0, options);
    for (const double effect : kEffects) {
      if (effect * 100 < options.threshold_percent || CallRate(noise, effect, options) < kPower) continue;
      sight.smallest_seen_percent = effect * 100;
      break;
    }
  }
  return sights;
}

std::string PairsFileOf(const std::string& store) { return store + "/pairs.jsonl"; }

Result<std::vector<PairLine>> ReadPairLines(const std::string& file) {
  std::vector<PairLine> lines;
  const Result<std::vector<std::string>> texts = ReadWholeLines(file);
  if (!texts.ok()) return texts.error();
  for (std::size_t i = 0; i < texts->size(); ++i) {
    Result<PairLine> line = ParsePairLine((*texts)[i]);
    if (!line.ok()) return Error{line.error().code, file + ":" + std::to_string(i + 1) + ": " + line.error().message};
    lines.push_back(std::move(*line));
  }
  return lines;
}

}  // namespace prefixmesh::bench
