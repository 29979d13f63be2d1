#include "bench/nightly/finding.h"

#include <algorithm>

namespace prefixmesh::bench {

std::string_view GateName(Gate gate) {
  return gate == Gate::kCounters ? "counters" : gate == Gate::kRuns ? "runs" : "history";
}

std::string_view GateTitle(Gate gate) {
  switch (gate) {
    case Gate::kCounters:
      return "1. Counters on virtual time";
    case Gate::kRuns:
      return "2. Real runs beside the baseline's build";
    case Gate::kHistory:
      return "3. History";
  }
  return "";
}

bool AnyToConfirm(std::span<const Finding> findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& each) { return each.verdict == FindingVerdict::kRegressed && !each.counted; });
}

void KeepConfirmed(std::span<const Finding> second, std::vector<Finding>& first) {
  const auto named = [](auto& findings, const std::string& name) {
    return std::find_if(findings.begin(), findings.end(), [&](const Finding& each) { return each.Name() == name; });
  };
  for (Finding& each : first) {
    if (each.verdict != FindingVerdict::kRegressed || each.counted) continue;
    const auto again = named(second, each.Name());
    if (again == second.end()) {
      each.text += "; it could not be looked at again";
    } else if (again->verdict != FindingVerdict::kRegressed) {
      each.verdict = FindingVerdict::kInconclusive;
      each.word = "not-confirmed";
      each.text += "; a second comparison did not show it";
    }
  }
  for (const Finding& each : second) {
    if (!each.counted) continue;
    const auto same = named(first, each.Name());
    if (same == first.end()) {
      first.push_back(each);
    } else if (each.verdict == FindingVerdict::kRegressed && same->verdict != FindingVerdict::kRegressed) {
      *same = each;
    }
  }
}

std::vector<std::string> ApplyMutes(std::span<const Mute> mutes, const std::string& today,
                                    std::vector<Finding>& findings) {
  std::vector<std::string> notes;
  for (const Mute& mute : mutes) {
    if (mute.until < today) {
      notes.push_back("the mute of '" + mute.figure + "' ended on " + mute.until + " (" + mute.reason + ")");
      continue;
    }
    bool needed = false;
    for (Finding& finding : findings) {
      const bool bad =
          finding.verdict == FindingVerdict::kRegressed || finding.verdict == FindingVerdict::kInconclusive;
      if (finding.Name() != mute.figure || !bad) continue;
      finding.muted = mute.reason + ", until " + mute.until;
      needed = true;
    }
    if (!needed) notes.push_back("the mute of '" + mute.figure + "' was not needed tonight");
  }
  return notes;
}

int NightExitCode(std::span<const Finding> findings) {
  const auto any = [&](FindingVerdict verdict) {
    return std::any_of(findings.begin(), findings.end(),
                       [&](const Finding& finding) { return finding.counts() && finding.verdict == verdict; });
  };
  return any(FindingVerdict::kRegressed) ? 1 : any(FindingVerdict::kInconclusive) ? 3 : 0;
}

std::string_view NightVerdict(std::span<const Finding> findings) {
  const int code = NightExitCode(findings);
  return code == 1 ? "regressed" : code == 3 ? "inconclusive" : "passed";
}

}  // namespace prefixmesh::bench
