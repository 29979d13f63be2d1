#include "bench/nightly/gates.h"
#include "bench/nightly/history.h"
#include "bench/result/key_figures.h"
#include "bench/store/index.h"
#include "bench/text/quantity.h"

namespace prefixmesh::bench {
namespace {

constexpr std::int64_t kNightLongestS = 24 * 3600;

FindingVerdict FindingOf(HistoryVerdict verdict) {
  switch (verdict) {
    case HistoryVerdict::kRegressed:
      return FindingVerdict::kRegressed;
    case HistoryVerdict::kImproved:
      return FindingVerdict::kImproved;
    case HistoryVerdict::kUnchanged:
      return FindingVerdict::kUnchanged;
    case HistoryVerdict::kNotEnoughHistory:
    case HistoryVerdict::kMachineChanged:
      break;
  }
  return FindingVerdict::kNotApplicable;
}

}  // namespace

Status JudgeStoredNights(const NightContext& context) {
  Result<RunList> all = ReadIndex(context.request.store + "/" + kIndexName);
  if (!all.ok() && all.error().code != ErrorCode::kNotFound) return all.error();
  if (!all.ok()) return {};
  Night& night = context.night;
  night.notes.insert(night.notes.end(), all->notes.begin(), all->notes.end());
  // A clock was wrong: what it dated would be the newest for as long as that lies ahead.
  const std::int64_t latest = context.request.now_unix_s + kNightLongestS;
  const std::size_t ahead =
      std::erase_if(all->lines, [&](const RunLine& line) { return line.started_unix_s > latest; });
  if (ahead > 0)
    night.notes.push_back(std::to_string(ahead) +
                          " stored runs are dated after this night and left out of the history");
  for (const HistoryFinding& each : JudgeHistory(all->lines, context.request.name)) {
    const HistoryFigure& figure = kHistoryFigures[each.figure];
    const Quantity quantity = QuantityOf(figure.figure->unit);
    std::string text = std::to_string(each.nights) + (each.nights == 1 ? " night" : " nights");
    if (!each.since.empty())
      text += ": " + QuantityText(quantity, each.before) + " before " + each.since + ", " +
              QuantityText(quantity, each.after) + " since";
    night.findings.push_back({Gate::kHistory, each.scenario + "/" + each.strategy, figure.Name(),
                              FindingOf(each.verdict), std::string(HistoryVerdictName(each.verdict)), text});
  }
  return {};
}

}  // namespace prefixmesh::bench
