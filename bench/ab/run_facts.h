// run_facts.h — what an A/B needs of one result.json: its metrics' values, and everything that could make it unfair.
//
// Threads: any, pure but for ReadRun, which reads a file. Ownership: values; a result itself is not kept. Units: the
// metrics' own. Errors: one line that names the file; a value that was not measured, or is below 0, is nothing.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "bench/ab/guards.h"
#include "bench/ab/metrics.h"
#include "bench/result/ladder_text.h"
#include "impl/base/result.h"

namespace prefixmesh::bench::ab {

struct RunFacts {
  std::string file;
  std::string run_id, scenario, strategy, index_kind, verdict, plan_fingerprint;
  std::string machine;  // MachineText
  std::string build;    // commit, compiler, flags, allocator
  bool dirty = false;
  bool trusted = false;
  std::string why;                            // the first reason of a run that is not ok
  std::vector<std::optional<double>> values;  // one per metric
  // How many samples a value is a percentile of, where the result says; one per metric, or empty.
  std::vector<std::optional<double>> samples;
  std::vector<std::string> why_null;  // as the result says it, one per metric; empty where there is a value
  std::vector<std::string> missed;    // objectives, by their names
  GuardValues guards;
  std::vector<LadderRow> ladder;  // its steps, and what sync brought

  bool killed() const { return verdict == "killed"; }
  bool failed() const { return verdict == "failed"; }
  // Its figures are whole and its generator did what the plan says. An objective that was missed is no obstacle.
  bool comparable() const { return (verdict == "ok" || verdict == "slo_missed") && trusted; }
};

Result<RunFacts> FactsOf(const nlohmann::json& result, const std::vector<ReadableMetric>& metrics,
                         const std::string& file);
// A result file or a run folder.
Result<RunFacts> ReadRun(const std::string& path, const std::vector<ReadableMetric>& metrics);

}  // namespace prefixmesh::bench::ab
