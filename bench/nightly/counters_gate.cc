#include "bench/nightly/counters.h"
#include "bench/nightly/gates.h"
#include "bench/text/quantity.h"

namespace prefixmesh::bench {
namespace {

bool AskedToEnd(const NightContext& context) { return context.tools.asked_to_end && context.tools.asked_to_end(); }

std::string CountText(const std::optional<std::uint64_t>& value) {
  return value ? QuantityText(Quantity::kCount, static_cast<double>(*value)) : "nothing";
}

Status HoldGolden(const NightContext& context) {
  const Counters now = CountOnVirtualTime(context.request.suite.counters, context.say, context.tools.asked_to_end);
  if (AskedToEnd(context)) return Error{ErrorCode::kInterrupted, "the counters were interrupted"};
  const Result<Counters> golden = ReadGolden(GoldenPath(context.request.results));
  if (!golden.ok() && golden.error().code != ErrorCode::kNotFound) return golden.error();
  std::vector<Finding>& findings = context.night.findings;
  if (!golden.ok()) {
    findings.push_back(
        {Gate::kCounters, "counters", "golden", FindingVerdict::kInconclusive, "no-golden",
         "nothing to hold " + std::to_string(now.size()) + " counters against; `nightly --accept WHY` sets them"});
    return {};
  }
  const std::vector<CounterChange> changes = ChangesOf(*golden, now);
  for (const CounterChange& each : changes) {
    const std::size_t blank = each.name.rfind(' ');
    if (!each.was) {
      findings.push_back({Gate::kCounters, each.name.substr(0, blank), each.name.substr(blank + 1),
                          FindingVerdict::kInconclusive, "no-golden",
                          "nothing to hold " + CountText(each.is) + " against; `nightly --accept WHY` sets it"});
      continue;
    }
    findings.push_back(
        {Gate::kCounters, each.name.substr(0, blank), each.name.substr(blank + 1), FindingVerdict::kRegressed,
         "changed",
         CountText(each.was) + " before, now " + CountText(each.is) + "; `nightly --accept WHY` if it is meant"});
  }
  if (changes.empty())
    findings.push_back({Gate::kCounters, "counters", "all " + std::to_string(now.size()), FindingVerdict::kUnchanged,
                        "unchanged", "as accepted, to the last one"});
  return {};
}

}  // namespace

Status HoldCounters(const NightContext& context) {
  if (!context.request.suite.counters.empty()) {
    if (Status held = HoldGolden(context); !held.ok()) return held;
  }
  if (context.request.suite.simulator_seeds == 0) return {};
  const SeedsOutcome outcome =
      HoldRules(context.request.suite.simulator_seeds, context.say, context.tools.asked_to_end);
  if (AskedToEnd(context)) return Error{ErrorCode::kInterrupted, "the simulator was interrupted"};
  for (const std::string& broken : outcome.broken)
    context.night.findings.push_back({Gate::kCounters, "simulator", broken.substr(0, broken.find(':')),
                                      FindingVerdict::kRegressed, "broken", broken});
  if (outcome.broken.empty())
    context.night.findings.push_back({Gate::kCounters, "simulator", std::to_string(outcome.seeds) + " seeds",
                                      FindingVerdict::kUnchanged, "held", "every rule in every seed"});
  return {};
}

}  // namespace prefixmesh::bench
