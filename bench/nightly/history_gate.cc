#include "bench/nightly/gates.h"
#include "bench/nightly/history.h"
#include "bench/result/key_figures.h"
#include "bench/store/index.h"
#include "bench/text/quantity.h"

namespace prefixmesh::bench {
namespace {

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
  const Result<RunList> all = ReadIndex(context.request.store + "/" + kIndexName);
  if (!all.ok() && all.error().code != ErrorCode::kNotFound) return all.error();
  if (!all.ok()) return {};
  Night& night = context.night;
  night.notes.insert(night.notes.end(), all->notes.begin(), all->notes.end());
  for (const HistoryFinding& each : JudgeHistory(all->lines)) {
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
