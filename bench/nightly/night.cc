#include "bench/nightly/night.h"

#include "bench/nightly/gates.h"
#include "bench/store/index.h"

namespace prefixmesh::bench {

FindingVerdict VerdictOf(ab::MetricVerdict verdict) {
  switch (verdict) {
    case ab::MetricVerdict::kRegressed:
      return FindingVerdict::kRegressed;
    case ab::MetricVerdict::kImproved:
      return FindingVerdict::kImproved;
    case ab::MetricVerdict::kUnchanged:
      return FindingVerdict::kUnchanged;
    case ab::MetricVerdict::kNotComparable:
      return FindingVerdict::kNotApplicable;
    case ab::MetricVerdict::kUnstable:
    case ab::MetricVerdict::kNotEnoughPairs:
      break;
  }
  return FindingVerdict::kInconclusive;
}

Finding BrokeFinding(const std::string& where, bool this_build, const Error& error) {
  const bool regressed = this_build && error.code != ErrorCode::kInvalid;
  Finding finding{Gate::kRuns,
                  where,
                  this_build ? "this build" : "the baseline",
                  regressed ? FindingVerdict::kRegressed : FindingVerdict::kInconclusive,
                  error.code == ErrorCode::kInvalid ? "refused" : "broke",
                  error.message};
  finding.counted = true;
  return finding;
}

Status LookTwice(const NightContext& context, const std::string& where,
                 const std::function<Result<std::vector<Finding>>(const std::string& suffix)>& look) {
  Result<std::vector<Finding>> first = look("");
  if (!first.ok()) return first.error();
  if (AnyToConfirm(*first)) {
    context.say(where + " regressed: once more");
    const Result<std::vector<Finding>> second = look("-again");
    if (!second.ok()) return second.error();
    KeepConfirmed(*second, *first);
  }
  context.night.findings.insert(context.night.findings.end(), first->begin(), first->end());
  return {};
}

Result<Night> RunNight(const NightRequest& request, const NightTools& tools, const ab::SayFunction& say) {
  Night night;
  const NightContext context{request, tools, say, night};
  for (const auto part : {HoldCounters, RunFuzzTargets, CompareCells, CompareMicro, CompareProfiles, JudgeStoredNights})
    if (Status done = part(context); !done.ok()) return done.error();
  ForgetOldRuns(request.store, request.now_unix_s, request.keep_days);
  return night;
}

}  // namespace prefixmesh::bench
