// experiment.h — start here for `prefixmesh ab`: runs the schedule of an A/B, every run a real one, each in its own
// folder of `out`. analysis.h says what comes of it; ab_report.h, ab_table.h and ab_json.h show that.
//
//   OUT/ab-plan.json           what is being compared: arms, settings, seed, order, build, machine; written first
//   OUT/warm-up/A/…            discarded: it only makes files, caches and clocks warm
//   OUT/pair-01/B/result.json  and so on, in the order of the schedule
//
// A stopped A/B continues when the same command is given again: runs that are whole are taken as they are, if arms,
// settings, seed, pairs, build and machine are the same; a run that failed or was cut short is moved aside
// (B.failed-1), told, and made again. Anything else in OUT is refused. More pairs cannot be added later: looking first
// and then going on until something is significant calls noise a difference.
//
// A run that its generator did not drive as planned is moved aside (B.untrusted-1) and made once more at the end of its
// block, so that one hiccup of the machine does not cost a pair. Which run that is says the generator, never a figure
// that is compared, and for every arm alike; what is untrusted twice stays.
//
// Threads: one. Time: the sum of the runs. Ownership: values out, files in OUT. Bounds: schedule.h, arms.h.
// Errors: kInvalid for what can be known before a run (exit 2); kUnavailable for a run that failed (exit 1),
// kInterrupted for a child's that was asked to end: either ends the experiment there, because a pair with a hole cannot
// be filled by chance.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/ab/arms.h"
#include "bench/ab/metrics.h"
#include "bench/ab/run_facts.h"
#include "bench/ab/schedule.h"
#include "bench/run/run.h"
#include "impl/base/result.h"

namespace prefixmesh::bench::ab {

struct ExperimentRequest {
  std::vector<Arm> arms;
  std::vector<ReadableMetric> metrics;
  std::size_t pairs = 12;
  std::uint64_t seed = 1;
  std::string out;
  std::string bin_dir;
  bool dirty_build = false;  // then a stopped A/B is not continued: the commit does not say what was built
};

struct FinishedRun {
  ScheduledRun scheduled;
  RunFacts facts;
};
struct Experiment {
  ExperimentRequest request;
  std::vector<FinishedRun> runs;   // without the warm-up, in the order in which they ran
  std::vector<std::string> notes;  // runs that were made again
};

// How one run is made, and where progress is told; tests bring their own.
using RunFunction = std::function<Result<RunOutcome>(const RunRequest&)>;
using SayFunction = std::function<void(const std::string&)>;

Result<Experiment> RunExperiment(const ExperimentRequest& request, const RunFunction& run, const SayFunction& say);

}  // namespace prefixmesh::bench::ab
