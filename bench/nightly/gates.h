// gates.h — the parts of a night (night.h has their order). Each adds what it found to the night's findings.
//
// Threads: one. Ownership: none. Errors: what ends the night; a part that cannot be done here is a finding. Bounds: the
// suite's.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/ab/statistics/verdict.h"
#include "bench/nightly/night.h"
#include "impl/base/result.h"

namespace prefixmesh::bench {

struct NightContext {
  const NightRequest& request;
  const NightTools& tools;
  const ab::SayFunction& say;
  Night& night;
};

Status HoldCounters(const NightContext& context);       // counters_gate.cc
Status RunFuzzTargets(const NightContext& context);     // fuzz_gate.cc
Status CompareCells(const NightContext& context);       // runs_gate.cc
Status CompareMicro(const NightContext& context);       // micro_gate.cc
Status CompareProfiles(const NightContext& context);    // profile_gate.cc
Status JudgeStoredNights(const NightContext& context);  // history_gate.cc

FindingVerdict VerdictOf(ab::MetricVerdict verdict);

// What it says that a build's part of a comparison failed: this build's is a regression, whatever a second look shows;
// the baseline's, or one that was refused as impossible here, leaves nothing to compare.
Finding BrokeFinding(const std::string& where, bool this_build, const Error& error);

// One look, and a second one where something regressed that it could take back; `look` gets a suffix for its files.
Status LookTwice(const NightContext& context, const std::string& where,
                 const std::function<Result<std::vector<Finding>>(const std::string& suffix)>& look);

}  // namespace prefixmesh::bench
