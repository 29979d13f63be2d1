#include "tests/bench/ab/sample.h"

#include <cmath>

#include "impl/base/prng.h"
#include "loadgen/settings/metrics.h"

namespace prefixmesh::bench::ab {

std::optional<double> Same(std::size_t pair, std::size_t, std::size_t) { return 100.0 + static_cast<double>(pair); }

std::optional<double> Worse(std::size_t pair, std::size_t arm, std::size_t metric) {
  return *Same(pair, arm, metric) * (arm == 1 && metric == 0 ? 1.2 : 1.0);
}

bool Noted(const Analysis& analysis, const std::string& words) {
  for (const std::string& note : analysis.notes)
    if (note.find(words) != std::string::npos) return true;
  return false;
}

Experiment SampleExperiment(const std::vector<std::string>& arms, std::size_t pairs, const ValueFunction& value,
                            bool mixed_index) {
  Experiment experiment;
  ExperimentRequest& request = experiment.request;
  const load::Settings settings = *load::LoadScenario("reference");
  Result<std::vector<Arm>> resolved = ResolveArms({arms, settings, mixed_index});
  PREFIXMESH_CHECK(resolved.ok());
  request.arms = *resolved;
  request.metrics = *ReadableMetrics(load::MetricsOf(settings));
  request.pairs = pairs;
  for (const ScheduledRun& scheduled : MakeSchedule(pairs, request.arms.size(), request.seed)) {
    if (scheduled.pair == 0) continue;
    RunFacts facts;
    facts.run_id = "run-" + std::to_string(scheduled.pair) + "-" + request.arms[scheduled.arm].name;
    facts.strategy = request.arms[scheduled.arm].strategy;
    facts.index_kind = request.arms[scheduled.arm].index_kind;
    facts.scenario = "reference";
    facts.verdict = "ok";
    facts.plan_fingerprint = "plan-" + std::to_string(scheduled.pair);
    facts.machine = "a machine, 2";
    facts.build = "0123abcd, gcc";
    facts.trusted = true;
    facts.guards = {0.0, 1.0, 0.0, 0.0};
    const double synced = facts.strategy == "off" ? 0 : 0.12 + 0.001 * static_cast<double>(scheduled.pair);
    facts.ladder = {{"capacity", "C0 - C1: room", true, 0.0},
                    {"routers", "C2 - C3: delay", true, 0.13 - synced},
                    {"gained by sync", "C4 - Cn", true, synced}};
    for (std::size_t m = 0; m < request.metrics.size(); ++m)
      facts.values.push_back(value(scheduled.pair, scheduled.arm, m));
    experiment.runs.push_back({scheduled, facts});
  }
  return experiment;
}

RunFacts& RunOf(Experiment& experiment, std::size_t pair, std::size_t arm) {
  for (FinishedRun& run : experiment.runs)
    if (run.scheduled.pair == pair && run.scheduled.arm == arm) return run.facts;
  PREFIXMESH_CHECK(false);
}

Experiment RichExperiment() {
  Prng prng(7);
  std::vector<std::vector<double>> drift(13, std::vector<double>(12));
  for (auto& pair : drift)
    for (double& metric : pair) metric = 0.03 * prng.Normal();
  // peak RSS, router CPU, built, delivered, per placement, cached, CoV, decision p50, latency p50, visibility, sync
  // CPU, latency p99
  const double middle[] = {30e6, 29, 8200, 8200, 41, 0.8, 0.2, 14, 22000, 55, 0.4, 70000};
  const double change[] = {1.12, 1.01, 0, 0, 1, 1.004, 0.9, 0.55, 1.02, 1, 18, 1};
  const double noise[] = {0.01, 0.004, 0.02, 0.02, 0.02, 0.001, 0.3, 0.02, 0.15, 0.4, 0.2, 0.05};
  Experiment experiment =
      SampleExperiment({"two-layer", "two-layer:two_layer.round_ms=200", "off"}, 13,
                       [&](std::size_t pair, std::size_t arm, std::size_t m) -> std::optional<double> {
                         if (arm == 2 && (m == 4 || (m == 9 && pair > 3))) return std::nullopt;
                         const double base = middle[m] * std::exp(drift[pair - 1][m] + noise[m] * prng.Normal());
                         return arm == 1 ? base * change[m] : arm == 2 && (m == 2 || m == 3) ? 0 : base;
                       });
  experiment.request.metrics[1].declared.name = "router <script>alert(1)</script> \"CPU\" \x1b[31m";
  for (FinishedRun& run : experiment.runs)
    if (run.scheduled.arm == 2) run.facts.guards[1] = 0.0;  // `off` delivers nothing
  RunFacts& killed = RunOf(experiment, 4, 1);
  killed.verdict = "killed";
  killed.why = "router-b was killed: 310 MiB are above the cap of 300 MiB";
  RunFacts& untrusted = RunOf(experiment, 6, 2);
  untrusted.verdict = "untrusted";
  untrusted.trusted = false;
  untrusted.why = "schedule delay p99 is 31 ms, above 10 ms";
  return experiment;
}

}  // namespace prefixmesh::bench::ab
