// Goal: an A/B says what its runs say and no more: what is unfair is not compared but told, and the exit code
// says it. Method: made-up runs in which one thing at a time is wrong.
#include "bench/ab/analysis.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "bench/ab/ab_json.h"
#include "bench/ab/ab_report.h"
#include "bench/ab/ab_table.h"
#include "bench/ab/compare.h"
#include "bench/ab/overview.h"
#include "bench/ab/statistics/bootstrap.h"
#include "bench/result/samples.h"
#include "bench/text/safe_text.h"
#include "tests/bench/ab/sample.h"

namespace prefixmesh::bench::ab {
namespace {

std::optional<double> Same(std::size_t pair, std::size_t, std::size_t) { return 100.0 + static_cast<double>(pair); }
// Metric 0 of arm B is 20 % up.
std::optional<double> Worse(std::size_t pair, std::size_t arm, std::size_t metric) {
  return *Same(pair, arm, metric) * (arm == 1 && metric == 0 ? 1.2 : 1.0);
}
bool Noted(const Analysis& analysis, const std::string& words) {
  for (const std::string& note : analysis.notes)
    if (note.find(words) != std::string::npos) return true;
  return false;
}

TEST_CASE("AbAnalysis: equal arms are unchanged and known as the noise floor") {
  const Analysis analysis = Analyse(SampleExperiment({"off", "off"}, 9, Same));
  CHECK(analysis.verdict == AbVerdict::kUnchanged);
  CHECK(AbExitCode(analysis.verdict) == 0);
  CHECK(analysis.null_experiment);
  CHECK(analysis.notes.empty());
  CHECK(analysis.plan_fingerprints.front() == "plan-1");
  CHECK_FALSE(Analyse(SampleExperiment({"off", "two-layer"}, 9, Same)).null_experiment);
}

TEST_CASE("AbAnalysis: one regressed metric is the verdict and exit 1; improved alone is exit 0") {
  const Analysis worse = Analyse(SampleExperiment({"off", "two-layer"}, 9, Worse));
  CHECK(worse.comparisons[0].metrics[0].comparison.verdict == MetricVerdict::kRegressed);
  CHECK(worse.comparisons[0].metrics[1].comparison.verdict == MetricVerdict::kUnchanged);
  CHECK(worse.verdict == AbVerdict::kRegressed);
  CHECK(AbExitCode(worse.verdict) == 1);
  const Analysis better = Analyse(SampleExperiment({"off", "two-layer"}, 9, [](auto pair, auto arm, auto metric) {
    return std::optional<double>(arm == 0 && metric == 0 ? 200.0 : *Same(pair, arm, metric));
  }));
  CHECK(better.verdict == AbVerdict::kImproved);
  CHECK(AbExitCode(better.verdict) == 0);
}

TEST_CASE("AbAnalysis: too few pairs have no verdict and exit 3") {
  const Analysis analysis = Analyse(SampleExperiment({"off", "two-layer"}, 8, Worse));
  CHECK(analysis.verdict == AbVerdict::kNotEnoughPairs);
  CHECK(AbExitCode(analysis.verdict) == 3);
  CHECK(Noted(analysis, "B against A: 8 usable pairs; a verdict needs 9"));
}

TEST_CASE("AbAnalysis: an untrusted run takes its pair out and is exit 3") {
  Experiment experiment = SampleExperiment({"off", "two-layer"}, 10, Same);
  RunFacts& run = RunOf(experiment, 3, 1);
  run.verdict = "untrusted";
  run.trusted = false;
  run.why = "schedule delay";
  const Analysis analysis = Analyse(experiment);
  CHECK(analysis.comparisons[0].metrics[0].comparison.pairs == 9);
  CHECK_FALSE(analysis.comparisons[0].metrics[0].points[2].used);
  CHECK(analysis.verdict == AbVerdict::kUntrusted);
  CHECK(AbExitCode(analysis.verdict) == 3);
  CHECK(Noted(analysis, "pair 3, arm B is untrusted: schedule delay"));
}

TEST_CASE("AbAnalysis: pairs of different plans, machines or builds are not compared") {
  const auto spoilt = [](auto change) {
    Experiment experiment = SampleExperiment({"off", "two-layer"}, 10, Same);
    change(RunOf(experiment, 5, 0));
    return Analyse(experiment);
  };
  const Analysis plan = spoilt([](RunFacts& run) { run.plan_fingerprint = "other"; });
  CHECK(plan.comparisons[0].metrics[0].comparison.pairs == 9);
  CHECK(Noted(plan, "pair 5: the arms ran different plans"));
  const Analysis machine = spoilt([](RunFacts& run) { run.machine = "another"; });
  CHECK(machine.comparisons[0].metrics[0].comparison.pairs == 9);
  CHECK(Noted(machine, "different machines"));
  const Analysis build = spoilt([](RunFacts& run) { run.build = "another"; });
  CHECK(build.comparisons[0].metrics[0].comparison.pairs == 9);
  CHECK(Noted(build, "different builds"));
  const Analysis dirty = spoilt([](RunFacts& run) { run.dirty = true; });
  CHECK(dirty.comparisons[0].metrics[0].comparison.pairs == 10);
  CHECK(Noted(dirty, "uncommitted changes"));
}

TEST_CASE("AbAnalysis: arms of two builds are compared though their builds differ, and are no noise floor") {
  Experiment experiment = SampleExperiment({"two-layer", "two-layer"}, 10, Same);
  std::vector<Arm>& arms = experiment.request.arms;
  SetBuild(arms[0], "/a", "11111111");
  SetBuild(arms[1], "/b", "22222222");
  CHECK(arms[1].text == "two-layer@22222222");
  for (std::size_t pair = 1; pair <= 10; ++pair) RunOf(experiment, pair, 1).build = "another, gcc";
  const Analysis two = Analyse(experiment);
  CHECK(two.comparisons[0].metrics[0].comparison.pairs == 10);
  CHECK(!Noted(two, "build"));
  CHECK(!two.null_experiment);
  RunOf(experiment, 3, 1).build = "a third one, gcc";
  CHECK(Noted(Analyse(experiment), "more than one build"));
  SetBuild(arms[1], "/b", arms[0].build);  // the same commit, built twice
  CHECK(Analyse(experiment).null_experiment);
}

TEST_CASE("AbAnalysis: an arm that is killed in every pair has regressed, and its figures are not compared") {
  Experiment experiment = SampleExperiment({"two-layer", "off"}, 9, Same);
  for (std::size_t pair = 1; pair <= 9; ++pair) {
    RunOf(experiment, pair, 1).verdict = "killed";
    RunOf(experiment, pair, 1).trusted = false;  // its generator could not finish
  }
  const Analysis analysis = Analyse(experiment);
  const std::vector<MetricResult>& metrics = analysis.comparisons[0].metrics;
  CHECK(metrics.front().comparison.verdict == MetricVerdict::kNotEnoughPairs);
  CHECK(metrics.back().metric.declared.name == "killed at the memory cap");
  CHECK(metrics.back().comparison.verdict == MetricVerdict::kRegressed);
  CHECK(analysis.verdict == AbVerdict::kRegressed);
  CHECK((analysis.arms[1].killed == 9 && analysis.arms[1].untrusted == 0));
  CHECK(Noted(analysis, "pair 1, arm B was killed"));
  // Once is an accident: not called.
  Experiment once = SampleExperiment({"two-layer", "off"}, 10, Same);
  RunOf(once, 1, 1).verdict = "killed";
  const Analysis accident = Analyse(once);
  CHECK(accident.comparisons[0].metrics.back().comparison.verdict == MetricVerdict::kUnchanged);
  CHECK(accident.comparisons[0].metrics.front().comparison.pairs == 9);
}

TEST_CASE("AbAnalysis: what was never measured is not compared; of what was sometimes measured the rest is judged") {
  const Analysis never = Analyse(SampleExperiment({"off", "off"}, 9, [](auto pair, auto arm, auto metric) {
    return metric == 9 ? std::nullopt : Same(pair, arm, metric);
  }));
  REQUIRE(never.comparisons[0].not_compared.size() == 1);
  CHECK(never.comparisons[0].not_compared[0].metric == "visibility p99");
  CHECK(never.verdict == AbVerdict::kUnchanged);
  const Analysis once = Analyse(SampleExperiment({"off", "two-layer"}, 12, [](auto pair, auto arm, auto metric) {
    return metric == 9 && arm == 1 && pair == 2 ? std::nullopt : Same(pair, arm, metric);
  }));
  const MetricResult& visibility = once.comparisons[0].metrics[9];
  CHECK(visibility.comparison.pairs == 11);
  CHECK(visibility.comparison.verdict == MetricVerdict::kUnstable);
  CHECK(visibility.reason.find("not measured for B in 1 of 12 pairs") == 0);
  CHECK(visibility.reason.find("may be the worst") != std::string::npos);
  CHECK(once.verdict == AbVerdict::kUnstable);
  // A strategy may have no such thing: nothing to compare with, and the others decide.
  Experiment absent = SampleExperiment({"off", "two-layer"}, 9, [](auto pair, auto arm, auto metric) {
    return metric == 4 && arm == 0 ? std::nullopt : Same(pair, arm, metric);
  });
  for (FinishedRun& run : absent.runs) run.facts.why_null.assign(12, "no placement arrived");
  const Analysis of_others = Analyse(absent);
  REQUIRE(of_others.comparisons[0].not_compared.size() == 1);
  CHECK(of_others.comparisons[0].not_compared[0].reason == "not measured for A in 9 of 9 pairs (no placement arrived)");
  CHECK(of_others.verdict == AbVerdict::kUnchanged);
  const Analysis eight = Analyse(SampleExperiment({"off", "two-layer"}, 9, [](auto pair, auto arm, auto metric) {
    return metric == 9 && arm == 1 && pair == 2 ? std::nullopt : Same(pair, arm, metric);
  }));
  CHECK(eight.comparisons[0].metrics[9].reason ==
        "not measured for B in 1 of 9 pairs; 8 usable pairs; a verdict needs 9");
  CHECK(eight.verdict == AbVerdict::kNotEnoughPairs);
}

TEST_CASE("AbAnalysis: an arm may lose by the pairs that are left, and not win by them") {
  for (const std::size_t silent : {0u, 1u}) {
    for (const double factor : {0.5, 2.0}) {  // of B, lower is better
      const Analysis analysis = Analyse(
          SampleExperiment({"off", "two-layer"}, 12, [&](auto pair, auto arm, auto metric) -> std::optional<double> {
            if (metric == 9 && arm == silent && pair == 3) return std::nullopt;
            return *Same(pair, arm, metric) * (metric == 9 && arm == 1 ? factor : 1.0);
          }));
      const bool silent_wins = (silent == 1) == (factor < 1);
      INFO("silent arm " << silent << ", factor " << factor);
      CHECK(analysis.comparisons[0].metrics[9].comparison.verdict == (silent_wins    ? MetricVerdict::kUnstable
                                                                      : factor < 1.0 ? MetricVerdict::kImproved
                                                                                     : MetricVerdict::kRegressed));
    }
  }
}

TEST_CASE("AbAnalysis: a percentile of too few samples is no value, and the samples are told") {
  Experiment experiment = SampleExperiment({"off", "off"}, 9, Same);
  for (FinishedRun& run : experiment.runs) {
    run.facts.samples.assign(run.facts.values.size(), std::nullopt);
    run.facts.samples[9] = 99.0 - static_cast<double>(run.scheduled.pair);
  }
  const Analysis few = Analyse(experiment);
  REQUIRE(few.comparisons[0].not_compared.size() == 1);
  CHECK(few.comparisons[0].not_compared[0].reason ==
        "too few samples for A in 9 of 9 pairs (90; it takes 100); too few samples for B in 9 of 9 pairs (90; it "
        "takes 100)");
  CHECK(few.verdict == AbVerdict::kUnchanged);
  for (FinishedRun& run : experiment.runs) run.facts.samples[9] = 100;
  CHECK(Analyse(experiment).comparisons[0].not_compared.empty());
  CHECK(SamplesMin("visibility.ms.p99") == 100);
  CHECK(SamplesMin("load.latency_from_sent_us.p999") == 1000);
  CHECK(SamplesMin("routers.decision_us.p50") == 10);
  for (const char* no_percentile : {"visibility.ms.max", "routers.peak_rss_bytes", "p", "load.ok"})
    CHECK(SamplesMin(no_percentile) == 1);
}

TEST_CASE("AbOverview: one sentence says who is better at what") {
  const auto sentence = [](const ValueFunction& value, std::size_t pairs = 9) {
    const Experiment experiment = SampleExperiment({"off", "two-layer"}, pairs, value);
    return InOneSentence(experiment, Analyse(experiment).comparisons[0]);
  };
  CHECK(sentence(Worse) == "B (two-layer) is worse than A (off) at peak RSS; no difference at 11, no verdict at 0.");
  CHECK(sentence(Same) ==
        "B (two-layer) is neither better nor worse than A (off); no difference at 12, no verdict at 0.");
  CHECK(sentence(Worse, 3) == "Nothing is decided between A (off) and B (two-layer), no verdict at 12.");
  Experiment unusable = SampleExperiment({"off", "two-layer"}, 9, Worse);
  for (FinishedRun& run : unusable.runs) run.facts.trusted = false;
  const Analysis nothing = Analyse(unusable);
  CHECK(InOneSentence(unusable, nothing.comparisons[0]) ==
        "Nothing was compared: there is no pair of A (off) and B (two-layer) that can be.");
  CHECK(sentence([](auto pair, auto arm, auto metric) {
          const double factor = arm == 0 ? 1 : metric == 1 ? 0.5 : metric == 0 ? 1.2 : 1;
          return std::optional<double>(*Same(pair, arm, metric) * factor);
        }) ==
        "B (two-layer) is better than A (off) at steady RSS, worse at peak RSS; no difference at 10, no verdict at 0.");
}

TEST_CASE("AbAnalysis: medians that contradict the median change are explained") {
  // A's values rise, and B's are 2 % above A's in five pairs of nine, far below in the others.
  const Analysis analysis = Analyse(SampleExperiment({"off", "two-layer"}, 9, [](auto pair, auto arm, auto metric) {
    const double a = 100.0 * static_cast<double>(pair);
    return std::optional<double>(metric != 0 || arm == 0 ? a : pair <= 5 ? a * 1.02 : 1.0);
  }));
  const MetricResult& each = analysis.comparisons[0].metrics[0];
  REQUIRE(*each.comparison.median_change > 0);
  REQUIRE(*each.median_b < *each.median_a);
  CHECK(each.reason.find("the change is the median over the pairs") != std::string::npos);
  CHECK(analysis.comparisons[0].metrics[1].reason.empty());
}

// Sets one guard's value in every run of an arm.
void SetGuard(Experiment& experiment, std::size_t arm, std::size_t guard, std::optional<double> value) {
  for (FinishedRun& run : experiment.runs)
    if (run.scheduled.arm == arm) run.facts.guards[guard] = value;
}

TEST_CASE("AbAnalysis: a guard that breaks is a regression, whatever the metrics say; at its threshold it breaks") {
  const auto equal = [](std::size_t, std::size_t, std::size_t) -> std::optional<double> { return 100.0; };
  const struct {
    std::size_t guard;
    double kept, broken;
  } rows[] = {{0, 0.0019, 0.002}, {1, 0.9901, 0.99}, {2, 0.0099, 0.01}, {3, 0, 1}};
  for (const auto& row : rows) {
    Experiment experiment = SampleExperiment({"off", "two-layer"}, 9, equal);
    SetGuard(experiment, 1, row.guard, row.kept);
    Analysis analysis = Analyse(experiment);
    CHECK(analysis.comparisons[0].guards[row.guard].verdict == "kept");
    CHECK(analysis.verdict == AbVerdict::kUnchanged);
    SetGuard(experiment, 1, row.guard, row.broken);
    analysis = Analyse(experiment);
    CHECK(analysis.comparisons[0].guards[row.guard].regressed());
    CHECK(analysis.verdict == AbVerdict::kRegressed);
    CHECK(AbExitCode(analysis.verdict) == 1);
    // One pair alone is no median, and is not kept either; of what must never happen it is enough.
    SetGuard(experiment, 1, row.guard, row.kept);
    RunOf(experiment, 3, 1).guards[row.guard] = row.broken;
    analysis = Analyse(experiment);
    const GuardResult& once = analysis.comparisons[0].guards[row.guard];
    CHECK(once.pairs_worse == 1);
    CHECK(once.verdict == (row.guard == 3 ? "regressed" : "unstable"));
    CHECK(analysis.verdict == (row.guard == 3 ? AbVerdict::kRegressed : AbVerdict::kUnstable));
    CHECK(AbExitCode(analysis.verdict) != 0);
  }
}

TEST_CASE("AbAnalysis: frames above a limit in some pairs are no noise, unless the other arm has some, too") {
  const auto equal = [](std::size_t, std::size_t, std::size_t) -> std::optional<double> { return 100.0; };
  Experiment experiment = SampleExperiment({"off", "two-layer"}, 9, equal);
  for (const std::size_t pair : {2u, 5u, 6u, 9u}) RunOf(experiment, pair, 1).guards[3] = 500;
  const GuardResult some = Analyse(experiment).comparisons[0].guards[3];
  CHECK(some.regressed());
  CHECK(WorseText(some) == "worse in 4 of 9 pairs, by +500 at most");
  RunOf(experiment, 1, 0).guards[3] = 500;
  CHECK(Analyse(experiment).comparisons[0].guards[3].verdict == "unstable");
}

TEST_CASE("AbAnalysis: guards that were not measured, or in too few pairs, say so and break nothing") {
  const auto equal = [](std::size_t, std::size_t, std::size_t) -> std::optional<double> { return 100.0; };
  Experiment experiment = SampleExperiment({"off", "two-layer"}, 9, equal);
  SetGuard(experiment, 1, 1, std::nullopt);
  CHECK(Analyse(experiment).comparisons[0].guards[1].verdict == "not_measured");
  SetGuard(experiment, 1, 1, 0.0);
  RunOf(experiment, 3, 1).guards[1] = std::nullopt;
  const GuardResult result = Analyse(experiment).comparisons[0].guards[1];
  CHECK(result.verdict == "not_enough_pairs");
  CHECK(result.pairs == 8);
}

TEST_CASE("AbAnalysis: silence is no saving, and latency of those that were answered none") {
  // Half the bytes, half the latency.
  const auto half = [](std::size_t, std::size_t arm, std::size_t) -> std::optional<double> {
    return arm == 1 ? 50.0 : 100.0;
  };
  const auto verdicts = [](const Experiment& experiment) {
    std::map<std::string, MetricVerdict> all;
    const Analysis analysis = Analyse(experiment);
    for (const MetricResult& each : analysis.comparisons[0].metrics)
      all[each.metric.declared.name] = each.comparison.verdict;
    return all;
  };
  Experiment experiment = SampleExperiment({"off", "two-layer"}, 9, half);
  for (const char* name : {"peak RSS", "sync built per s", "sync CPU", "decision CPU p50", "latency p99"})
    CHECK(verdicts(experiment)[name] == MetricVerdict::kImproved);
  SetGuard(experiment, 1, 1, 0.98);
  auto silent = verdicts(experiment);
  for (const char* name : {"peak RSS", "sync built per s", "sync CPU", "decision CPU p50"})
    CHECK(silent[name] == MetricVerdict::kNotComparable);
  CHECK(silent["latency p99"] == MetricVerdict::kImproved);
  CHECK(silent["visibility p99"] == MetricVerdict::kImproved);

  for (const double failed : {0.0021, 0.02}) {
    Experiment failing = SampleExperiment({"off", "two-layer"}, 9, half);
    if (failed > 0.01) SetGuard(failing, 0, 0, failed);  // both alike, and too many
    SetGuard(failing, 1, 0, failed);
    auto of_answered = verdicts(failing);
    for (const char* name : {"latency p99", "cached share", "load CoV"})
      CHECK(of_answered[name] == MetricVerdict::kNotComparable);
    CHECK(of_answered["peak RSS"] == MetricVerdict::kImproved);
  }
  const std::string text = RenderAbTable(experiment, Analyse(experiment));
  CHECK(text.find("deliver unlike") != std::string::npos);
  CHECK(text.find("guard: applied") != std::string::npos);
}

TEST_CASE("AbAnalysis: an arm cannot win by the requests that were left, only lose; failures in both are told") {
  const auto value = [](std::size_t, std::size_t arm, std::size_t metric) -> std::optional<double> {
    return metric == 11 ? (arm == 1 ? 50.0 : 100.0) : 100.0;  // B has half the latency
  };
  const auto latency = [](const Experiment& experiment) { return Analyse(experiment).comparisons[0].metrics[11]; };
  Experiment experiment = SampleExperiment({"off", "two-layer"}, 12, value);
  RunOf(experiment, 4, 1).guards[0] = 0.0021;
  CHECK(latency(experiment).comparison.pairs == 11);
  CHECK(latency(experiment).comparison.verdict == MetricVerdict::kUnstable);
  CHECK(latency(experiment).reason.find("too many requests failed for B in 1 of 12 pairs (0.21 %)") == 0);
  RunOf(experiment, 4, 1).guards[0] = 0;
  RunOf(experiment, 4, 0).guards[0] = 0.0021;  // of the arm that loses anyway
  CHECK(latency(experiment).comparison.verdict == MetricVerdict::kImproved);

  Experiment both = SampleExperiment({"off", "two-layer"}, 9, value);
  for (FinishedRun& run : both.runs) {
    run.facts.guards[0] = 0.27;
    run.facts.missed = {"at most 1 % of the requests fail"};
  }
  const Analysis analysis = Analyse(both);
  CHECK(analysis.comparisons[0].guards[0].verdict == "kept");
  CHECK(analysis.comparisons[0].metrics[11].comparison.verdict == MetricVerdict::kNotComparable);
  CHECK(analysis.comparisons[0].metrics[11].median_b == 50);
  CHECK(analysis.verdict == AbVerdict::kUnstable);
  CHECK(Noted(analysis, "more than 1 % of the requests failed in 9 of 9 runs of arm A, up to 27.00 %"));
  CHECK(Noted(analysis, "objectives missed in 9 of 9 runs of arm B: 'at most 1 % of the requests fail' in 9"));
  CHECK(RenderAbTable(both, analysis).find("objectives missed 9x") != std::string::npos);
}

TEST_CASE("AbAnalysis: many arms are each compared with the first; mixed kinds bring `off` on both beside") {
  const Analysis many = Analyse(SampleExperiment({"off", "two-layer", "off"}, 9, Worse));
  REQUIRE(many.comparisons.size() == 2);
  CHECK(many.comparisons[1].base == 0);
  CHECK(many.comparisons[1].arm == 2);
  CHECK(Noted(many, "2 arms are compared with arm A"));
  // Only the arms beside differ: no verdict of theirs counts.
  const Experiment mixed = SampleExperiment(
      {"two-layer", "raw-ops"}, 9,
      [](auto pair, auto arm, auto metric) { return std::optional(*Same(pair, arm, metric) * (arm == 3 ? 2 : 1)); },
      true);
  const Analysis beside = Analyse(mixed);
  REQUIRE(beside.comparisons.size() == 2);
  CHECK(beside.comparisons[1].beside);
  CHECK((mixed.request.arms[2].index_kind == "block" && mixed.request.arms[3].index_kind == "text"));
  CHECK(beside.comparisons[1].metrics[0].comparison.verdict == MetricVerdict::kRegressed);
  CHECK(beside.verdict == AbVerdict::kUnchanged);
}

TEST_CASE("AbOutput: 80 printable columns, the verdict last, and nothing of a name can run") {
  const Experiment experiment = RichExperiment();
  const Analysis analysis = Analyse(experiment);
  const std::string table = RenderAbTable(experiment, analysis);
  for (std::size_t at = 0; at < table.size();) {
    const std::size_t end = table.find('\n', at);
    REQUIRE(end != std::string::npos);
    CHECK(Columns(table.substr(at, end - at)) <= 80);
    at = end + 1;
  }
  CHECK(table.find('\x1b') == std::string::npos);
  CHECK(table.ends_with("\nverdict: regressed\n"));
  const std::string report = RenderAbReport(experiment, analysis);
  CHECK(report.find("<script>alert") == std::string::npos);
  CHECK(report.find("&lt;script&gt;alert") != std::string::npos);
  // A dot per pair and metric that both arms measured, twice 13 pairs, but for one in 3 of them; nulls have none.
  std::size_t dots = 0;
  for (std::size_t at = 0; (at = report.find("<circle", at)) != std::string::npos; ++at) ++dots;
  CHECK(dots == 13 * (12 + 1) + 13 * 10 + 3);
  const nlohmann::ordered_json json = AbJson(experiment, analysis);
  CHECK(json["verdict"] == "regressed");
  CHECK(json["runs"].size() == 39);
  CHECK(json["metrics"][0]["verdict"] == "regressed");
  CHECK(json["metrics"][2]["median_change"] == -1);
}

TEST_CASE("AbOverview: what every arm has, and what its comparison with the first says; two arms need none") {
  const Experiment experiment = RichExperiment();
  const Analysis analysis = Analyse(experiment);
  const Overview overview = OverviewOf(experiment, analysis);
  REQUIRE(overview.arms == std::vector<std::size_t>{0, 1, 2});
  REQUIRE(overview.rows.size() == experiment.request.metrics.size() + 1);  // a run was killed
  for (const OverviewRow& row : overview.rows) {
    REQUIRE(row.cells.size() == 3);
    CHECK_FALSE(row.cells[0].verdict.has_value());
    for (const std::size_t arm : {1, 2}) {
      const ArmComparison& comparison = analysis.comparisons[arm - 1];
      const auto compared = std::find_if(
          comparison.metrics.begin(), comparison.metrics.end(),
          [&](const MetricResult& each) { return each.metric.declared.name == row.metric->declared.name; });
      REQUIRE(row.cells[arm].verdict.has_value() == (compared != comparison.metrics.end()));
      if (compared != comparison.metrics.end()) CHECK(row.cells[arm].verdict == compared->comparison.verdict);
    }
  }
  // The killed run's figures are not among its arm's, a value that is missing in some run has no median.
  std::vector<double> rss;
  for (const FinishedRun& run : experiment.runs)
    if (run.scheduled.arm == 1 && !run.facts.killed()) rss.push_back(*run.facts.values[0]);
  CHECK(overview.rows[0].cells[1].value == Median(rss));
  CHECK_FALSE(overview.rows[4].cells[2].value.has_value());
  CHECK(overview.rows.back().cells[0].value == 0);
  CHECK(overview.rows.back().cells[1].value == 1);

  const std::string table = RenderAbTable(experiment, analysis);
  CHECK(table.find("\nall against A              B  C\npeak RSS                   -  x\n") != std::string::npos);
  CHECK(table.find("\nkilled at the memory cap   =  .\n") != std::string::npos);
  CHECK(RenderAbReport(experiment, analysis).find("id=\"overview\"") != std::string::npos);

  const Experiment two = SampleExperiment({"off", "two-layer"}, 9, Worse);
  CHECK(OverviewOf(two, Analyse(two)).rows.empty());
  CHECK(RenderAbReport(two, Analyse(two)).find("id=\"overview\"") == std::string::npos);
}

TEST_CASE("AbCompare: two results side by side, without a verdict; other plans are refused") {
  const Experiment experiment = SampleExperiment({"off", "two-layer"}, 2, Worse);
  RunFacts a = experiment.runs[0].facts, b = experiment.runs[1].facts;
  b.machine = "another";
  const Result<std::string> text = RenderComparison(a, b, experiment.request.metrics);
  REQUIRE(text.ok());
  CHECK(text->find("no verdict") != std::string::npos);
  CHECK(text->find("different machines") != std::string::npos);
  // Of a run in which many fail only the others are fast and cached.
  CHECK(text->find("not comparable") == std::string::npos);
  b.guards[0] = 0.18;
  b.missed = {"at most 1 % of the requests fail"};
  b.samples.assign(b.values.size(), std::nullopt);
  b.samples[9] = 2;
  const std::string failing = *RenderComparison(a, b, experiment.request.metrics);
  CHECK(failing.find("failed share                       0.00 %      18.00 %  +18.00 points\n") != std::string::npos);
  for (const char* name : {"cached share", "load CoV", "latency p99"}) {
    const std::size_t row = failing.find(std::string("\n") + name), next = failing.find('\n', row + 1);
    REQUIRE(row != std::string::npos);
    CHECK(failing.substr(row, next - row).ends_with("not comparable"));
  }
  CHECK(failing.find("0.00 % and 18.00 %") != std::string::npos);
  CHECK(failing.find("not comparable: visibility p99 is of 2 samples; it takes 100") != std::string::npos);
  CHECK(failing.find("note: B missed objectives: 'at most 1 % of the requests fail'") != std::string::npos);
  b.plan_fingerprint = "other";
  const Result<std::string> refused = RenderComparison(a, b, experiment.request.metrics);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("did not run the same plan") != std::string::npos);
}

}  // namespace
}  // namespace prefixmesh::bench::ab
