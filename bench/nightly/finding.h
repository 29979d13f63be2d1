// finding.h — what a night says: one finding per thing that was held against something.
//
// Threads: pure. Ownership: values. Errors: none. Bounds: the suite's.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/nightly/suite.h"

namespace prefixmesh::bench {

enum class Gate : std::uint8_t { kCounters, kRuns, kHistory };
std::string_view GateName(Gate gate);   // counters, runs, history
std::string_view GateTitle(Gate gate);  // "1 counters on virtual time", …

enum class FindingVerdict : std::uint8_t {
  kUnchanged,
  kImproved,
  kRegressed,      // worse, changed without being accepted, or a rule that broke: the night fails
  kInconclusive,   // too noisy, too few pairs, nothing to hold against
  kNotApplicable,  // not compared by design, or an answer of its own: not-enough-history, machine-changed
};

struct Finding {
  Gate gate = Gate::kCounters;
  std::string where;   // "reference/two-layer", "raw-ops"
  std::string figure;  // "peak RSS", "built_bytes"
  FindingVerdict verdict = FindingVerdict::kUnchanged;
  std::string word;        // the verdict as the gate calls it: regressed, unstable, changed, not-enough-history, …
  std::string text;        // the change and what it is of, for a reader
  std::string muted = {};  // why it does not count; else empty
  bool counted = false;    // one more is one more, whatever a second look shows

  std::string Name() const { return where + " " + figure; }
  bool counts() const { return muted.empty(); }
};

// Something regressed that a second look may take back.
bool AnyToConfirm(std::span<const Finding> findings);
// What regressed at the first look and not at the second becomes kInconclusive, not-confirmed. What the second could
// not look at stays, and so does what is counted; what is counted at the second look comes to it.
void KeepConfirmed(std::span<const Finding> second, std::vector<Finding>& first);

// Mutes what the suite mutes until `today` (2026-11-29), and returns a line for every mute that is over or that nothing
// needed.
std::vector<std::string> ApplyMutes(std::span<const Mute> mutes, const std::string& today,
                                    std::vector<Finding>& findings);

// 1 when anything that counts regressed, else 3 when anything is inconclusive, else 0.
int NightExitCode(std::span<const Finding> findings);
std::string_view NightVerdict(std::span<const Finding> findings);  // regressed, inconclusive, passed

}  // namespace prefixmesh::bench
