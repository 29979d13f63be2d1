// measured.h — everything a run measured, before it becomes a result: the hand-over from the runner to result.cc.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/oracle/oracle.h"
#include "bench/process/proc.h"
#include "bench/scenario/runner.h"
#include "bench/scenario/sampler.h"
#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh::bench {

struct MeasuredRouter {
  std::string name;
  v1::RouterStatus settled;  // at the end of settle: totals
  std::uint64_t peak_rss_bytes = 0;
  std::uint64_t pss_bytes = 0;
  std::uint64_t end_rss_bytes = 0;
  double cpu_s = 0;  // ready to the end of settle
  std::uint64_t delivered_bytes = 0;
  std::uint64_t idle_built_bytes = 0;
};

struct Measured {
  RunRequest request;
  std::string run_id;
  std::string started_at;
  std::string index_kind;
  Machine machine;
  SpinNoise noise;

  // When things happened, in seconds of the sampler.
  double load_begin_s = -1, load_end_s = -1, settle_end_s = -1, idle_begin_s = -1, idle_end_s = -1;
  std::vector<Sample> samples;
  std::vector<MeasuredRouter> routers;
  std::uint64_t workers_peak_rss_bytes = 0;
  double workers_cpu_s = 0;
  std::uint64_t workers_cached_blocks = 0;
  nlohmann::json load;  // load.json, or null
  bool have_oracle = false;
  OracleResult oracle;

  Verdict verdict = Verdict::kFailed;
  std::vector<std::string> notes;
};

// result.json as contract.md has it. Judges trust and SLOs too; `measured.verdict` is kOk or kFailed/kKilled coming in.
nlohmann::ordered_json BuildResult(const Measured& measured);

}  // namespace prefixmesh::bench
