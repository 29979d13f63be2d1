// measured.h — start here for how a result is written: everything a run measured, before it is one. bench/run fills it
// in, build_result.h makes result.json of it, record.h keeps that for good.
//
// Threads: a value. Ownership: values; a fault's group is a table of impl/figures. Time: seconds of the run's sampler.
// Errors: what was not measured is nothing.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bench/oracle/ladder.h"
#include "bench/process/machine_floor.h"
#include "bench/process/proc.h"
#include "bench/result/verdict.h"
#include "bench/result/write/sample.h"
#include "impl/figures/figure.h"
#include "impl/figures/readings.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::bench {

// In the notes of such a run; record.h takes none.
inline constexpr const char* kProfiledNote =
    "the first router ran under a profiler: its memory and its times are not its own";

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

// The router that the memory cap killed.
struct CapHit {
  std::string router;
  double at_s = 0;
  ProcessMemory memory;               // at the kill
  std::optional<double> bytes_per_s;  // its growth until then; nothing: it was killed at its first reading
};

struct Measured {
  load::Settings settings;  // with the objectives of the strategy
  std::string strategy = "two-layer";
  std::uint64_t seed = 1;
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
  double suite_late_s = 0;  // Sampler::late_s
  std::vector<std::string> notes;
};

}  // namespace prefixmesh::bench
