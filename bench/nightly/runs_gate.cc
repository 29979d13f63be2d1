#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "bench/ab/ab_json.h"
#include "bench/ab/ab_report.h"
#include "bench/ab/analysis.h"
#include "bench/nightly/gates.h"
#include "bench/nightly/recorded_runs.h"
#include "bench/result/read_json.h"
#include "bench/store/index.h"
#include "bench/text/quantity.h"
#include "impl/base/whole_file.h"
#include "loadgen/settings/metrics.h"

namespace prefixmesh::bench {
namespace {

constexpr std::uint64_t kAgainSeeds = 1000;  // between the seeds of a cell and those of its second look
constexpr const char* kRecordedBuild = "recorded";
constexpr int kTriesMax = 2;  // of a cell whose runs fail

// One cell: its runs in pairs, what they say, and what the store keeps of them.
class CellComparison {
 public:
  // `recorded`: the baseline's runs where its build is not there.
  CellComparison(const NightContext& context, const RunCell& cell, const RecordedRuns* recorded)
      : request_(context.request), context_(context), cell_(cell), recorded_(recorded) {}

  Result<std::vector<Finding>> Look(const std::string& suffix) {
    std::vector<std::string> arguments = {"--scenario", cell_.scenario};
    load::Settings settings = *load::LoadScenario(cell_.scenario);  // the suite has checked it
    for (const std::string& each : cell_.set) {
      (void)load::ApplyOverride(settings, each);
      arguments.insert(arguments.end(), {"--set", each});
    }
    Result<ab::ExperimentRequest> request = RequestOf(settings, suffix);
    if (!request.ok()) return request.error();
    std::string last_build;
    const auto run = [&](const RunRequest& one) {
      last_build = one.bin_dir;
      return recorded_ != nullptr && one.bin_dir == kRecordedBuild ? TakeRecordedRun(*recorded_, one)
                                                                   : context_.tools.run(arguments, one);
    };
    const auto say = [&](const std::string& line) { context_.say(cell_.Name() + ": " + line); };
    // A failed run is a finding; the rest of the cell is compared all the same if it works at the second try.
    std::vector<Finding> broke;
    Result<ab::Experiment> experiment = ab::RunExperiment(*request, run, say);
    while (!experiment.ok()) {
      const Error& error = experiment.error();
      if (error.code == ErrorCode::kInterrupted || (last_build.empty() && broke.empty()))
        return Error{error.code, cell_.Name() + ": " + error.message};
      if (last_build.empty()) return OncePerBuild(broke);
      say(error.message);
      broke.push_back(BrokeFinding(cell_.Name(), last_build == request_.build.bin_dir, error));
      if (broke.size() == kTriesMax || error.code == ErrorCode::kInvalid || request->dirty_build)
        return OncePerBuild(broke);
      last_build.clear();
      experiment = ab::RunExperiment(*request, run, say);
    }
    const ab::Analysis analysis = ab::Analyse(*experiment);
    if (Status written = Write(*experiment, analysis); !written.ok()) return written.error();
    if (Status stored = KeepRuns(*experiment); !stored.ok()) return stored.error();
    // Pairs with runs of another day would show that day's noise.
    if (recorded_ == nullptr) {
      if (Status stored = KeepPairs(*experiment, cell_.Name() + suffix); !stored.ok()) return stored.error();
      if (suffix.empty()) {
        if (Status seen = See(*experiment); !seen.ok()) return seen.error();
      }
    }
    std::vector<Finding> findings = FindingsOf(analysis);
    findings.insert(findings.end(), broke.begin(), broke.end());
    return findings;
  }

 private:
  static std::vector<Finding> OncePerBuild(std::vector<Finding> broke) {
    if (broke.size() > 1 && broke[0].figure == broke[1].figure) broke.erase(broke.begin());
    return broke;
  }

  Result<ab::ExperimentRequest> RequestOf(const load::Settings& settings, const std::string& suffix) const {
    Result<std::vector<ab::Arm>> arms = ab::ResolveArms({{cell_.strategy, cell_.strategy}, settings, false});
    if (!arms.ok()) return arms.error();
    Result<std::vector<ab::ReadableMetric>> metrics = ab::ReadableMetrics(load::MetricsOf(settings));
    if (!metrics.ok()) return metrics.error();
    ab::ExperimentRequest request;
    request.pairs = cell_.pairs;
    request.seed = request_.seed + (suffix.empty() ? 0 : kAgainSeeds);
    if (recorded_ != nullptr) {
      ab::SetBuild((*arms)[0], kRecordedBuild, recorded_->baseline.commit.substr(0, 8) + " recorded");
      request.pairs = std::min(cell_.pairs, recorded_->seeds - 1);
      request.seed = recorded_->first_seed;  // of the warm-up; the pairs have those behind it
    } else {
      ab::SetBuild((*arms)[0], request_.baseline.bin_dir, request_.baseline.name);
    }
    ab::SetBuild((*arms)[1], request_.build.bin_dir, request_.build.name);
    request.arms = std::move(*arms);
    request.metrics = std::move(*metrics);
    std::string name = cell_.Name();
    std::replace(name.begin(), name.end(), '/', '-');
    request.out = request_.out + "/cells/" + name + suffix;
    request.bin_dir = request_.build.bin_dir;
    request.dirty_build = request_.build.dirty || request_.baseline.dirty;
    return request;
  }

  // Beside the folder, which stays one that can be gone on with.
  static Status Write(const ab::Experiment& experiment, const ab::Analysis& analysis) {
    const std::string base = experiment.request.out;
    const std::string json =
        ab::AbJson(experiment, analysis).dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    for (const auto& [file, text] :
         {std::pair{base + ".ab.json", json}, std::pair{base + ".html", ab::RenderAbReport(experiment, analysis)}})
      if (Status written = WriteWholeFile(file, text); !written.ok()) return written;
    return {};
  }

  // The runs of this build, which are the night's; those of the baseline are of another day.
  Status KeepRuns(const ab::Experiment& experiment) const {
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

  // A second look has a cell name of its own, so that a night that goes on knows what it has stored.
  Status KeepPairs(const ab::Experiment& experiment, const std::string& cell) const {
    const Result<std::vector<PairLine>> before = ReadPairLines(PairsFileOf(request_.store));
    if (!before.ok() && before.error().code != ErrorCode::kNotFound) return before.error();
    // One that was stopped in the midst of them has the first ones already.
    std::size_t kept = 0;
    if (before.ok())
      kept = static_cast<std::size_t>(std::count_if(before->begin(), before->end(), [&](const PairLine& line) {
        return line.night == request_.name && line.cell == cell;
      }));
    const std::vector<PairLine> lines = PairLinesOf(experiment, request_.name, cell);
    for (std::size_t i = kept; i < lines.size(); ++i)
      if (Status added = AppendLine(PairsFileOf(request_.store), ToJsonLine(lines[i])); !added.ok()) return added;
    return {};
  }

  Status See(const ab::Experiment& experiment) const {
    const Result<std::vector<PairLine>> lines = ReadPairLines(PairsFileOf(request_.store));
    if (!lines.ok() && lines.error().code != ErrorCode::kNotFound) return lines.error();
    if (!lines.ok() || experiment.runs.empty()) return {};
    const std::vector<Sight> sights =
        SightsOf(*lines, cell_.Name(), experiment.runs.back().facts.machine, experiment.request.metrics, cell_.pairs);
    context_.night.sights.insert(context_.night.sights.end(), sights.begin(), sights.end());
    return {};
  }

  std::vector<Finding> FindingsOf(const ab::Analysis& analysis) const {
    std::vector<Finding> findings;
    const ab::ArmComparison& comparison = analysis.comparisons.front();
    for (const ab::GuardResult& each : comparison.guards) {
      const bool kept = each.verdict == "kept";
      Finding finding{Gate::kRuns,
                      cell_.Name(),
                      std::string(each.guard->name),
                      each.regressed() ? FindingVerdict::kRegressed
                      : kept           ? FindingVerdict::kUnchanged
                                       : FindingVerdict::kNotApplicable,
                      std::string(each.verdict),
                      QuantityText(each.guard->quantity, each.median_a) + " → " +
                          QuantityText(each.guard->quantity, each.median_b)};
      finding.counted = each.guard->quantity == Quantity::kCount;
      findings.push_back(std::move(finding));
    }
    for (const ab::MetricResult& each : comparison.metrics) {
      std::string text = QuantityText(each.metric.quantity, each.median_a) + " → " +
                         QuantityText(each.metric.quantity, each.median_b) + ", " +
                         ab::ChangeText(each.comparison.median_change);
      if (each.comparison.ci_low && each.comparison.ci_high)
        text += " (" + ab::ChangeText(each.comparison.ci_low) + " to " + ab::ChangeText(each.comparison.ci_high) + ")";
      if (!each.reason.empty()) text += "; " + each.reason;
      findings.push_back({Gate::kRuns, cell_.Name(), each.metric.declared.name, VerdictOf(each.comparison.verdict),
                          std::string(ab::MetricVerdictName(each.comparison.verdict)), text});
    }
    for (const ab::NotCompared& each : comparison.not_compared)
      findings.push_back(
          {Gate::kRuns, cell_.Name(), each.metric, FindingVerdict::kNotApplicable, "not_compared", each.reason});
    return findings;
  }

  const NightRequest& request_;
  const NightContext& context_;
  const RunCell& cell_;
  const RecordedRuns* const recorded_;
};

Status CompareCell(const NightContext& context, const RunCell& cell) {
  const RecordedRuns* taken = nullptr;
  Result<RecordedRuns> recorded = Error{ErrorCode::kNotFound, ""};
  if (context.request.baseline.bin_dir.empty()) {
    recorded = FindRecordedRuns(context.request.results, cell.scenario, cell.strategy);
    if (!recorded.ok() || recorded->seeds < 2) {
      const bool broken = !recorded.ok() && recorded.error().code != ErrorCode::kNotFound;
      context.night.findings.push_back({Gate::kRuns, cell.Name(), "all", FindingVerdict::kInconclusive, "no-baseline",
                                        context.request.no_baseline + (broken ? "; " + recorded.error().message : "")});
      return {};
    }
    taken = &*recorded;
    context.night.notes.push_back(
        cell.Name() + " is held against recorded runs of " + recorded->baseline.commit.substr(0, 8) +
        ", the first of " + recorded->first_started_at + ", not against its build: " + context.request.no_baseline);
  }
  CellComparison comparison(context, cell, taken);
  return LookTwice(context, cell.Name(), [&](const std::string& suffix) { return comparison.Look(suffix); });
}

}  // namespace

Status CompareCells(const NightContext& context) {
  for (const RunCell& cell : context.request.suite.cells)
    if (Status compared = CompareCell(context, cell); !compared.ok()) return compared;
  return {};
}

}  // namespace prefixmesh::bench
