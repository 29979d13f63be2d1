// Goal: an A/B says what its runs say and no more: what is unfair is not compared but told, and the exit code
// says it. Method: made-up runs in which one thing at a time is wrong.
#include "bench/ab/analysis.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "bench/result/samples.h"
#include "tests/bench/ab/sample.h"

namespace prefixmesh::bench::ab {
namespace {

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

}  // namespace
}  // namespace prefixmesh::bench::ab
