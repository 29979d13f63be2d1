// measured.h — everything a run measured, before it becomes a result: the hand-over from the runner to result.cc.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bench/oracle/oracle.h"
#include "bench/process/proc.h"
#include "bench/scenario/runner.h"
#include "bench/scenario/sampler.h"
#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh::bench {

// What is not there was not measured, and becomes null.
struct MeasuredRouter {
  std::string name;
  std::optional<v1::RouterStatus> settled;  // at the end of settle: totals
  std::optional<std::uint64_t> peak_rss_bytes, pss_bytes, end_rss_bytes;
  std::optional<double> cpu_s;  // ready to the end of settle
  std::optional<std::uint64_t> delivered_bytes;
  std::optional<double> idle_bytes_per_s;
};

struct Measured {
  RunRequest request;
  std::string run_id;
  std::string started_at;
  std::string index_kind;
  std::string plan_fingerprint;
  Machine machine;
  SpinNoise noise;

  // Taken at the generator's word that the load phase begins and ends: what rates over the load come from.
  std::optional<Sample> load_begin, load_end;
  double idle_begin_s = -1, idle_end_s = -1;  // in seconds of the sampler
  std::vector<Sample> samples;                // one a second, for the series and the medians
  std::vector<MeasuredRouter> routers;
  std::optional<std::uint64_t> workers_peak_rss_bytes;
  std::optional<double> workers_cpu_s;
  std::optional<std::uint64_t> workers_cached_blocks;
  nlohmann::json load;  // load.json, or null
  std::optional<OracleResult> oracle;

  Verdict verdict = Verdict::kFailed;
  std::vector<std::string> notes;
};

// result.json as contract.md has it. Judges trust and SLOs too; `measured.verdict` is kOk or kFailed/kKilled coming in.
nlohmann::ordered_json BuildResult(const Measured& measured);

}  // namespace prefixmesh::bench
