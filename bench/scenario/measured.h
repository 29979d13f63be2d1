// measured.h — everything a run measured, before it becomes a result: the hand-over from the runner to result.cc.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bench/oracle/ladder.h"
#include "bench/process/machine_floor.h"
#include "bench/process/proc.h"
#include "bench/scenario/memory_cap.h"
#include "bench/scenario/runner.h"
#include "bench/scenario/sampler.h"
#include "impl/figures/readings.h"

namespace prefixmesh::bench {

// What was not read of it has no reading; BuildResult says why.
struct MeasuredRouter {
  std::string name;
  double ready_s = 0;    // in seconds of the sampler
  bool settled = false;  // it answered at the end of settle: its totals are among the readings
  Readings readings;     // of router_figures.h
};

// What a fault of the scenario did, and how the mesh got over it (faults/fault.h).
struct MeasuredFault {
  const FigureGroup* group = nullptr;
  Readings readings;                  // every figure of the group
  nlohmann::ordered_json words;       // what is no figure: which router, which links
  std::optional<bool> equal_at_rest;  // at the end of settle all stood at the same place in every log
  std::string why_not_equal;          // where that could not be asked
};

struct Measured {
  RunRequest request;
  std::string run_id;
  std::string started_at;
  std::string index_kind;
  std::string plan_fingerprint;
  Machine machine;
  SpinNoise noise;
  MachineFloor floor;

  // Taken at the generator's word that the load phase begins and ends: what rates over the load come from. A router
  // that joined stands in the first as it was when it was ready.
  std::optional<Sample> load_begin, load_end;
  double idle_begin_s = -1, idle_end_s = -1;  // in seconds of the sampler
  std::optional<Sample> idle_end;             // what all answered then
  std::vector<Sample> samples;                // one a second, for the series and the medians
  std::vector<MeasuredRouter> routers;
  Readings workers;     // of kWorkersFigures
  nlohmann::json load;  // load.json, or null
  std::vector<MeasuredFault> faults;
  std::optional<CapHit> killed;
  std::optional<Ladder> ladder;  // of a run that ended in order

  Verdict verdict = Verdict::kFailed;
  std::vector<std::string> notes;
};

// How soon placements were seen at a peer, as load.json has it: never without sync, nothing where it was not measured.
std::optional<Visibility> VisibilityOf(const Measured& measured);

// result.json as docs/results.md has it. Judges trust and SLOs too; `measured.verdict` is kOk or kFailed/kKilled coming
// in.
nlohmann::ordered_json BuildResult(const Measured& measured);

}  // namespace prefixmesh::bench
