// Goal: whatever an arm gains, it may not lose requests, placements or silence by it, and what it lost is told. Method:
// made-up runs in which one guard at a time is touched.
#include "bench/ab/guards.h"

#include <catch2/catch.hpp>
#include <map>
#include <optional>

#include "bench/ab/ab_table.h"
#include "bench/ab/analysis.h"
#include "tests/bench/ab/sample.h"

namespace prefixmesh::bench::ab {
namespace {

// Sets one guard's value in every run of an arm.
void SetGuard(Experiment& experiment, std::size_t arm, std::size_t guard, std::optional<double> value) {
  for (FinishedRun& run : experiment.runs)
    if (run.scheduled.arm == arm) run.facts.guards[guard] = value;
}

TEST_CASE("AbGuards: a guard that breaks is a regression, whatever the metrics say; at its threshold it breaks") {
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

TEST_CASE("AbGuards: frames above a limit in some pairs are no noise, unless the other arm has some, too") {
  const auto equal = [](std::size_t, std::size_t, std::size_t) -> std::optional<double> { return 100.0; };
  Experiment experiment = SampleExperiment({"off", "two-layer"}, 9, equal);
  for (const std::size_t pair : {2u, 5u, 6u, 9u}) RunOf(experiment, pair, 1).guards[3] = 500;
  const GuardResult some = Analyse(experiment).comparisons[0].guards[3];
  CHECK(some.regressed());
  CHECK(WorseText(some) == "worse in 4 of 9 pairs, by +500 at most");
  RunOf(experiment, 1, 0).guards[3] = 500;
  CHECK(Analyse(experiment).comparisons[0].guards[3].verdict == "unstable");
}

TEST_CASE("AbGuards: guards that were not measured, or in too few pairs, say so and break nothing") {
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

TEST_CASE("AbGuards: silence is no saving, and latency of those that were answered none") {
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

TEST_CASE("AbGuards: an arm cannot win by the requests that were left, only lose; failures in both are told") {
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

}  // namespace
}  // namespace prefixmesh::bench::ab
