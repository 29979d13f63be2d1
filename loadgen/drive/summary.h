// summary.h — load.json: the load's half of result.json, as docs/results.md defines each value.
//
// Threads: pure. Units: in every name. Ownership: borrows for the call. Errors: none; what could not be measured is
// null, and `not_measured` says why by its path.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "loadgen/drive/ledger.h"
#include "loadgen/drive/visibility_counts.h"
#include "loadgen/plan/plan.h"
#include "loadgen/record/recorder.h"
#include "loadgen/settings/settings.h"

namespace prefixmesh::load {

struct TrustVerdict {
  bool ok = true;
  std::vector<std::string> reasons;
};
// Judges the generator alone. `cpu_cores`: its own CPU over the load phase.
TrustVerdict JudgeTrust(const SendRecorder& sends, double cpu_cores, const Settings& settings);

// sd / mean of the ok requests per worker, workers without any included; null without requests.
std::optional<double> LoadCov(const ReplyRecorder& replies, std::uint64_t workers);

// Of the load phase's ok requests that had an earlier ok one of their family and model: the share that reached the
// worker of the latest one before them. Null without such requests.
std::optional<double> SameWorkerFollowups(const Plan& plan, const std::vector<RequestRecord>& records);

// The planned requests of the load phase that were served as settings.goodput asks; null when none was planned.
std::optional<double> GoodputShare(const Plan& plan, const std::vector<RequestRecord>& records,
                                   const Settings::Goodput& goodput);

struct SummaryInput {
  const Plan& plan;
  const Settings& settings;
  std::string strategy;
  const SendRecorder& sends;
  const ReplyRecorder& replies;
  const std::vector<RequestRecord>& records;
  const std::vector<std::string>& worker_names;
  std::optional<LedgerCounts> ledger;
  std::string no_ledger;  // why there is none
  std::optional<VisibilityCounts> visibility;
  std::string no_visibility;
  double load_cpu_cores = 0;
  double cpu_s = 0;
  std::uint64_t peak_rss_bytes = 0;
};
std::string SummaryJson(const SummaryInput& input);

}  // namespace prefixmesh::load
