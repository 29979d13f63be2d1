#include "bench/nightly/night.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "bench/ab/ab_json.h"
#include "bench/ab/ab_report.h"
#include "bench/ab/analysis.h"
#include "bench/nightly/history.h"
#include "bench/report/figures.h"
#include "bench/result/read_json.h"
#include "bench/scenario/run_folder.h"
#include "bench/store/index.h"
#include "impl/base/whole_file.h"

namespace prefixmesh::bench {
namespace {

constexpr std::uint64_t kAgainSeeds = 1000;  // between the seeds of a cell and those of its rerun

std::string CountText(const std::optional<std::uint64_t>& value) {
  return value ? QuantityText(Quantity::kCount, static_cast<double>(*value)) : "nothing";
}

FindingVerdict VerdictOf(ab::MetricVerdict verdict) {
  switch (verdict) {
    case ab::MetricVerdict::kRegressed:
      return FindingVerdict::kRegressed;
    case ab::MetricVerdict::kImproved:
      return FindingVerdict::kImproved;
    case ab::MetricVerdict::kUnchanged:
      return FindingVerdict::kUnchanged;
    case ab::MetricVerdict::kNotComparable:
      return FindingVerdict::kNotApplicable;
    case ab::MetricVerdict::kUnstable:
    case ab::MetricVerdict::kNotEnoughPairs:
      break;
  }
  return FindingVerdict::kInconclusive;
}

FindingVerdict VerdictOf(HistoryVerdict verdict) {
  switch (verdict) {
    case HistoryVerdict::kRegressed:
      return FindingVerdict::kRegressed;
    case HistoryVerdict::kImproved:
      return FindingVerdict::kImproved;
    case HistoryVerdict::kUnchanged:
      return FindingVerdict::kUnchanged;
    case HistoryVerdict::kNotEnoughHistory:
    case HistoryVerdict::kMachineChanged:
      break;
  }
  return FindingVerdict::kNotApplicable;
}

// A guard that counts frames: one more is one more, whatever another comparison shows.
bool IsCounted(const Finding& finding) {
  return std::any_of(ab::Guards().begin(), ab::Guards().end(), [&](const ab::Guard& guard) {
    return guard.name == finding.figure && guard.quantity == Quantity::kCount;
  });
}

class NightWatch {
 public:
  NightWatch(const NightRequest& request, const CellRunFunction& run, const ab::SayFunction& say)
      : request_(request), run_(run), say_(say) {}

  Status Counters() {
    const auto add = [&](const std::string& where, const std::string& figure, FindingVerdict verdict,
                         const std::string& word, const std::string& text) {
      night_.findings.push_back({Gate::kCounters, where, figure, verdict, word, text, ""});
    };
    if (!request_.suite.counters.empty()) {
      const bench::Counters now = CountOnVirtualTime(request_.suite.counters, say_);
      const Result<bench::Counters> golden = ReadGolden(GoldenPath(request_.results));
      if (!golden.ok() && golden.error().code != ErrorCode::kNotFound) return golden.error();
      if (!golden.ok()) {
        add("counters", "golden", FindingVerdict::kInconclusive, "no-golden",
            "nothing to hold " + std::to_string(now.size()) + " counters against; `nightly --accept WHY` sets them");
      } else {
        for (const CounterChange& each : ChangesOf(*golden, now)) {
          const std::size_t blank = each.name.rfind(' ');
          add(each.name.substr(0, blank), each.name.substr(blank + 1), FindingVerdict::kRegressed, "changed",
              CountText(each.was) + " before, now " + CountText(each.is) + "; `nightly --accept WHY` if it is meant");
        }
        if (night_.findings.empty())
          add("counters", "all " + std::to_string(now.size()), FindingVerdict::kUnchanged, "unchanged",
              "as accepted, to the last one");
      }
    }
    if (request_.suite.simulator_seeds > 0) {
      const SeedsOutcome outcome = HoldRules(request_.suite.simulator_seeds, say_);
      for (const std::string& broken : outcome.broken)
        add("simulator", broken.substr(0, broken.find(':')), FindingVerdict::kRegressed, "broken", broken);
      if (outcome.broken.empty())
        add("simulator", std::to_string(outcome.seeds) + " seeds", FindingVerdict::kUnchanged, "held",
            "every rule in every seed");
    }
    return {};
  }

  Status Cell(const RunCell& cell) {
    if (request_.baseline.bin_dir.empty()) {
      night_.findings.push_back(
          {Gate::kRuns, cell.Name(), "all", FindingVerdict::kInconclusive, "no-baseline", request_.no_baseline, ""});
      return {};
    }
    Result<ab::Analysis> first = Compare(cell, "", request_.seed);
    if (!first.ok()) return first.error();
    std::vector<Finding> findings = FindingsOf(cell, *first);
    const auto regressed = [](const Finding& each) { return each.verdict == FindingVerdict::kRegressed; };
    if (std::any_of(findings.begin(), findings.end(), regressed)) {
      say_(cell.Name() + " regressed: once more");
      const Result<ab::Analysis> again = Compare(cell, "-again", request_.seed + kAgainSeeds);
      if (!again.ok()) return again.error();
      const std::vector<Finding> second = FindingsOf(cell, *again);
      for (Finding& each : findings) {
        if (!regressed(each) || IsCounted(each)) continue;
        const bool twice = std::any_of(second.begin(), second.end(), [&](const Finding& other) {
          return other.figure == each.figure && regressed(other);
        });
        if (twice) continue;
        each.verdict = FindingVerdict::kInconclusive;
        each.word = "not-confirmed";
        each.text += "; a second comparison did not show it";
      }
    }
    night_.findings.insert(night_.findings.end(), findings.begin(), findings.end());
    return {};
  }

  Status History() {
    const Result<RunList> all = ReadIndex(request_.store + "/" + kIndexName);
    if (!all.ok() && all.error().code != ErrorCode::kNotFound) return all.error();
    if (!all.ok()) return {};
    night_.notes.insert(night_.notes.end(), all->notes.begin(), all->notes.end());
    for (const HistoryFinding& each : JudgeHistory(all->lines)) {
      const HistoryFigure& figure = kHistoryFigures[each.figure];
      const Quantity quantity = QuantityOf(figure.figure->unit);
      std::string text = std::to_string(each.nights) + (each.nights == 1 ? " night" : " nights");
      if (!each.since.empty())
        text += ": " + QuantityText(quantity, each.before) + " before " + each.since + ", " +
                QuantityText(quantity, each.after) + " since";
      night_.findings.push_back({Gate::kHistory, each.scenario + "/" + each.strategy, figure.Name(),
                                 VerdictOf(each.verdict), std::string(HistoryVerdictName(each.verdict)), text, ""});
    }
    return {};
  }

  Night Take() { return std::move(night_); }

 private:
  Result<ab::Analysis> Compare(const RunCell& cell, const std::string& suffix, std::uint64_t seed) {
    std::vector<std::string> arguments = {"--scenario", cell.scenario};
    load::Settings settings = *load::LoadScenario(cell.scenario);  // the suite has checked it
    for (const std::string& each : cell.set) {
      (void)load::ApplyOverride(settings, each);
      arguments.insert(arguments.end(), {"--set", each});
    }
    Result<std::vector<ab::Arm>> arms = ab::ResolveArms({{cell.strategy, cell.strategy}, settings, false});
    if (!arms.ok()) return arms.error();
    ab::SetBuild((*arms)[0], request_.baseline.bin_dir, request_.baseline.name);
    ab::SetBuild((*arms)[1], request_.build.bin_dir, request_.build.name);
    Result<std::vector<ab::ReadableMetric>> metrics = ab::ReadableMetrics(settings.metrics);
    if (!metrics.ok()) return metrics.error();
    ab::ExperimentRequest experiment_request;
    experiment_request.arms = std::move(*arms);
    experiment_request.metrics = std::move(*metrics);
    experiment_request.pairs = cell.pairs;
    experiment_request.seed = seed;
    std::string name = cell.Name();
    std::replace(name.begin(), name.end(), '/', '-');
    experiment_request.out = request_.out + "/cells/" + name + suffix;
    experiment_request.bin_dir = request_.build.bin_dir;
    experiment_request.dirty_build = request_.build.dirty || request_.baseline.dirty;
    const auto run = [&](const RunRequest& one) { return run_(arguments, one); };
    const Result<ab::Experiment> experiment =
        ab::RunExperiment(experiment_request, run, [&](const std::string& line) { say_(cell.Name() + ": " + line); });
    if (!experiment.ok()) return Error{experiment.error().code, cell.Name() + ": " + experiment.error().message};
    ab::Analysis analysis = ab::Analyse(*experiment);
    // Beside the folder, which stays one that can be gone on with.
    const std::string base = experiment_request.out;
    const std::string json =
        ab::AbJson(*experiment, analysis).dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    for (const auto& [file, text] :
         {std::pair{base + ".ab.json", json}, std::pair{base + ".html", ab::RenderAbReport(*experiment, analysis)}})
      if (Status written = WriteWholeFile(file, text); !written.ok()) return written.error();
    if (Status stored = Keep(*experiment); !stored.ok()) return stored.error();
    if (Status stored = KeepPairs(*experiment, cell.Name() + suffix); !stored.ok()) return stored.error();
    if (suffix.empty()) {
      if (Status seen = See(*experiment, cell); !seen.ok()) return seen.error();
    }
    return analysis;
  }

  // The runs of this build, which are the night's; those of the baseline are of another day.
  Status Keep(const ab::Experiment& experiment) {
    std::set<std::string> known;
    const Result<RunList> before = ReadIndex(request_.store + "/" + kIndexName);
    if (before.ok())
      for (const RunLine& line : before->lines) known.insert(line.run_id);
    else if (before.error().code != ErrorCode::kNotFound)
      return before.error();
    for (const ab::FinishedRun& run : experiment.runs) {
      if (run.scheduled.arm != 1 || known.count(run.facts.run_id) > 0) continue;
      const Result<nlohmann::json> result = ReadResult(run.facts.file);
      if (!result.ok()) return result.error();
      Result<RunLine> line = RunLineOf(*result);
      if (!line.ok()) return line.error();
      line->night = request_.name;
      if (Status added = AddToStore(request_.store, *line, *result); !added.ok()) return added;
    }
    return {};
  }

  std::string PairsFile() const { return request_.store + "/pairs.jsonl"; }

  // A rerun has a cell name of its own, so that a night that goes on knows what it has stored.
  Status KeepPairs(const ab::Experiment& experiment, const std::string& cell) {
    const Result<std::vector<PairLine>> before = ReadPairLines(PairsFile());
    if (!before.ok() && before.error().code != ErrorCode::kNotFound) return before.error();
    if (before.ok())
      for (const PairLine& line : *before)
        if (line.night == request_.name && line.cell == cell) return {};
    for (const PairLine& line : PairLinesOf(experiment, request_.name, cell))
      if (Status added = AppendLine(PairsFile(), ToJsonLine(line)); !added.ok()) return added;
    return {};
  }

  Status See(const ab::Experiment& experiment, const RunCell& cell) {
    const Result<std::vector<PairLine>> lines = ReadPairLines(PairsFile());
    if (!lines.ok() && lines.error().code != ErrorCode::kNotFound) return lines.error();
    if (!lines.ok() || experiment.runs.empty()) return {};
    const std::vector<Sight> sights =
        SightsOf(*lines, cell.Name(), experiment.runs.back().facts.machine, experiment.request.metrics, cell.pairs);
    night_.sights.insert(night_.sights.end(), sights.begin(), sights.end());
    return {};
  }

  std::vector<Finding> FindingsOf(const RunCell& cell, const ab::Analysis& analysis) const {
    std::vector<Finding> findings;
    const ab::ArmComparison& comparison = analysis.comparisons.front();
    for (const ab::GuardResult& each : comparison.guards) {
      const bool kept = each.verdict == "kept", regressed = each.regressed();
      findings.push_back({Gate::kRuns, cell.Name(), std::string(each.guard->name),
                          regressed ? FindingVerdict::kRegressed
                          : kept    ? FindingVerdict::kUnchanged
                                    : FindingVerdict::kNotApplicable,
                          std::string(each.verdict),
                          QuantityText(each.guard->quantity, each.median_a) + " → " +
                              QuantityText(each.guard->quantity, each.median_b),
                          ""});
    }
    for (const ab::MetricResult& each : comparison.metrics) {
      std::string text = QuantityText(each.metric.quantity, each.median_a) + " → " +
                         QuantityText(each.metric.quantity, each.median_b) + ", " +
                         ab::ChangeText(each.comparison.median_change);
      if (each.comparison.ci_low && each.comparison.ci_high)
        text += " (" + ab::ChangeText(each.comparison.ci_low) + " to " + ab::ChangeText(each.comparison.ci_high) + ")";
      if (!each.reason.empty()) text += "; " + each.reason;
      findings.push_back({Gate::kRuns, cell.Name(), each.metric.declared.name, VerdictOf(each.comparison.verdict),
                          std::string(ab::MetricVerdictName(each.comparison.verdict)), text, ""});
    }
    for (const ab::NotCompared& each : comparison.not_compared)
      findings.push_back(
          {Gate::kRuns, cell.Name(), each.metric, FindingVerdict::kNotApplicable, "not_compared", each.reason, ""});
    return findings;
  }

  const NightRequest& request_;
  const CellRunFunction& run_;
  const ab::SayFunction& say_;
  Night night_;
};

}  // namespace

Result<Night> RunNight(const NightRequest& request, const CellRunFunction& run, const ab::SayFunction& say) {
  NightWatch watch(request, run, say);
  if (Status counted = watch.Counters(); !counted.ok()) return counted.error();
  for (const RunCell& cell : request.suite.cells)
    if (Status compared = watch.Cell(cell); !compared.ok()) return compared.error();
  if (Status judged = watch.History(); !judged.ok()) return judged.error();
  ForgetOldRuns(request.store, request.now_unix_s, request.keep_days);
  return watch.Take();
}

}  // namespace prefixmesh::bench
