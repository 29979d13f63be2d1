// measured.h — everything a run measured, before it becomes a result: the hand-over from the runner to result.cc.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/oracle/oracle.h"
#include "bench/process/proc.h"
#include "bench/scenario/memory_cap.h"
#include "bench/scenario/runner.h"
#include "bench/scenario/sampler.h"
#include "impl/figures/router_report.h"

namespace prefixmesh::bench {

// What is not there was not measured, and becomes null.
struct MeasuredRouter {
  std::string name;
  double ready_s = 0;                   // in seconds of the sampler
  std::optional<RouterReport> settled;  // at the end of settle: totals
  std::optional<std::uint64_t> peak_rss_bytes, pss_bytes, end_rss_bytes;
  std::optional<double> cpu_s;  // ready to the end of settle
  std::optional<std::uint64_t> delivered_bytes;
  std::optional<double> idle_bytes_per_s;
};

// How the mesh got over a disturbance (disturbance.h).
struct Convergence {
  std::optional<std::uint64_t> records;  // that were missing, over all who lacked some
  std::optional<double> connected_after_ms, complete_after_ms;
  std::optional<std::map<std::string, std::uint64_t>> built_bytes;  // by layer, all routers, until it was complete
  std::optional<bool> equal_at_rest;                                // at the end of settle
};

struct MeasuredPartition {
  std::vector<std::string> links;
  std::optional<double> began_s, healed_s;  // in seconds of the sampler
  Convergence heal;
};

struct MeasuredJoin {
  std::size_t router = 0;
  std::optional<double> at_s;  // its start, in seconds of the sampler
  std::optional<double> ready_after_ms;
  Convergence caught_up;
  // By router: from the load's begin to the join, and from then to the load's end.
  std::vector<std::pair<std::optional<double>, std::optional<double>>> decision_cpu_p99_us;
};

struct MeasuredStop {
  std::size_t router = 0;
  std::optional<double> began_s, ended_s;  // in seconds of the sampler
  Convergence caught_up;
  // By router: from the load's begin to the stop, and while it was stopped.
  std::vector<std::pair<std::optional<double>, std::optional<double>>> decision_cpu_p99_us;
  // By router: at the stop, and the highest of every second of it.
  std::vector<std::pair<std::optional<std::uint64_t>, std::optional<std::uint64_t>>> rss_bytes;
};

struct Measured {
  RunRequest request;
  std::string run_id;
  std::string started_at;
  std::string index_kind;
  std::string plan_fingerprint;
  Machine machine;
  SpinNoise noise;

  // Taken at the generator's word that the load phase begins and ends: what rates over the load come from. A router
  // that joined stands in the first as it was when it was ready.
  std::optional<Sample> load_begin, load_end;
  double idle_begin_s = -1, idle_end_s = -1;  // in seconds of the sampler
  std::vector<Sample> samples;                // one a second, for the series and the medians
  std::vector<MeasuredRouter> routers;
  std::optional<std::uint64_t> workers_peak_rss_bytes;
  std::optional<double> workers_cpu_s;
  std::optional<std::uint64_t> workers_cached_blocks;
  nlohmann::json load;  // load.json, or null
  std::optional<MeasuredPartition> partition;
  std::optional<MeasuredJoin> join;
  std::optional<MeasuredStop> stop;
  std::optional<CapHit> killed;
  std::optional<OracleResult> oracle;

  Verdict verdict = Verdict::kFailed;
  std::vector<std::string> notes;
};

// result.json as docs/results.md has it. Judges trust and SLOs too; `measured.verdict` is kOk or kFailed/kKilled coming
// in.
nlohmann::ordered_json BuildResult(const Measured& measured);

}  // namespace prefixmesh::bench
