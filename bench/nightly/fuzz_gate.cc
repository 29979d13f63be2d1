#include "bench/nightly/gates.h"

namespace prefixmesh::bench {

Status RunFuzzTargets(const NightContext& context) {
  const FuzzCell& cell = context.request.suite.fuzz;
  if (cell.seconds == 0) return {};
  std::vector<Finding>& findings = context.night.findings;
  const Result<FuzzOutcome> outcome = context.tools.fuzz(cell, context.request.out + "/fuzz.log", context.say);
  if (!outcome.ok() && outcome.error().code == ErrorCode::kInterrupted) return outcome.error();
  if (!outcome.ok()) {
    const bool here = outcome.error().code != ErrorCode::kNotFound;
    findings.push_back({Gate::kCounters, "fuzz", "targets",
                        here ? FindingVerdict::kInconclusive : FindingVerdict::kNotApplicable,
                        here ? "broke" : "not-here", outcome.error().message});
    return {};
  }
  for (const std::string& found : outcome->found)
    findings.push_back(
        {Gate::kCounters, "fuzz", found.substr(0, found.find(':')), FindingVerdict::kRegressed, "found", found});
  if (outcome->found.empty())
    findings.push_back({Gate::kCounters, "fuzz", std::to_string(outcome->targets.size()) + " targets",
                        FindingVerdict::kUnchanged, "held", std::to_string(cell.seconds) + " s each, nothing found"});
  return {};
}

}  // namespace prefixmesh::bench
