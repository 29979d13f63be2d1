#include "bench/reproduction/reproduction_table.h"

#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "bench/reproduction/original.h"
#include "bench/result/json_at.h"
#include "bench/result/key_figures.h"
#include "bench/text/quantity.h"
#include "impl/base/check.h"
#include "impl/figures/figures.h"
#include "impl/router/strategies.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::json;
using Value = std::optional<double>;

constexpr char kHead[] =
    "| strategy | peak RSS | over off | after the silence | too large | built in a round | built | "
    "in the silence | applied | lost | cached share |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n";
// Nothing is known of the columns behind.
constexpr std::string_view kUnknownCells = " | – | – | – | – | – |\n";

std::string OriginalRow(const char* name, std::string_view OriginalFigure::*text) {
  std::string row = "| *the original, " + std::string(name) + "*";
  for (const OriginalFigure& each : kOriginal) row += " | *" + std::string(each.*text) + "*";
  return row + std::string(kUnknownCells);
}

std::string Cell(const Json& result, const FigureGroup& group, const Figure& figure) {
  return QuantityText(QuantityOf(figure.unit), FigureValue(result, group, figure));
}
Value PeakRssBytes(const Json& result) { return FigureValue(result, kRouterGroup, RouterFigure("peak_rss_bytes")); }

// The keys of settings have dots of their own.
double Setting(const Json& result, const char* key) {
  const Json& settings = NodeAt(result, "scenario.settings");
  return settings.is_object() && settings.contains(key) && settings.at(key).is_number() ? settings.at(key).get<double>()
                                                                                        : 0;
}

// The `off` that a run compares with: of its kind, in its plan.
using Base = std::pair<std::string, std::string>;
Base BaseOf(const Json& result) { return {TextAt(result, "index_kind"), TextAt(result, "plan_fingerprint")}; }

std::string OverOff(const Json& result, const std::map<Base, double>& off) {
  const auto base = off.find(BaseOf(result));
  const Value peak = PeakRssBytes(result);
  if (base == off.end() || !peak || TextAt(result, "strategy") == "off") return std::string(kMissing);
  const double over = *peak - base->second;
  return (over < 0 ? "-" : "+") + QuantityText(Quantity::kBytes, over < 0 ? -over : over);
}

std::string Name(const Json& result) {
  std::string name = TextAt(result, "strategy");
  if (name == "off") name += ", " + TextAt(result, "index_kind") + " index";
  const double seconds = Setting(result, "phases.load_s");
  if (seconds != 120)
    name += ", " + QuantityText(Quantity::kCount, seconds / 60) + " min, budgets of " +
            QuantityText(Quantity::kCount, Setting(result, "index.budget_mib")) + " and " +
            QuantityText(Quantity::kCount, Setting(result, "two_layer.window_mib")) + " MiB";
  if (const Json& killed = NodeAt(result, "killed"); killed.is_object()) {
    name += ", killed after " + QuantityText(Quantity::kSeconds, NumberAt(killed, "at_s")) + ", growing " +
            QuantityText(Quantity::kBytesPerSecond, NumberAt(killed, "growth_bytes_per_s"));
  } else if (const std::string verdict = TextAt(result, "verdict"); verdict != "ok" && verdict != "slo_missed") {
    // What an objective asks for stands in the columns.
    name += " (" + verdict + ")";
  }
  return name;
}

std::string Row(const Json& result, const std::map<Base, double>& off) {
  const auto router = [&](const Figure& figure) { return " | " + Cell(result, kRouterGroup, figure); };
  std::string row = "| " + Name(result) + router(RouterFigure("peak_rss_bytes")) + " | " + OverOff(result, off);
  row += router(RouterFigure("after_idle_rss_bytes")) + router(RouterFigure("sync.oversize_warnings"));
  row += router(RouterFigure("sync.bytes_per_round.mean")) + router(RouterFigure("sync.built_bytes_per_s"));
  row += router(RouterFigure("sync.idle_bytes_per_s"));
  row += " | " + Cell(result, kPlacementsGroup, PlacementFigure("applied_share"));
  row += " | " + Cell(result, kPlacementsGroup, PlacementFigure("lost"));
  return row + " | " + Cell(result, kRoutingGroup, RoutingFigure("cached_share")) + " |\n";
}

}  // namespace

std::string RenderReproductionTable(const std::vector<Json>& results) {
  // By strategy, index, length and budget: the newest.
  std::map<std::tuple<std::size_t, std::string, double, double>, const Json*> newest;
  for (const Json& result : results) {
    std::size_t order = 0;
    for (const StrategyDescription& strategy : StrategyDescriptions()) {
      if (strategy.name == TextAt(result, "strategy")) break;
      ++order;
    }
    const Json*& kept = newest[{order, TextAt(result, "index_kind"), Setting(result, "phases.load_s"),
                                Setting(result, "index.budget_mib")}];
    if (kept == nullptr || TextAt(*kept, "started_at") < TextAt(result, "started_at")) kept = &result;
  }
  std::map<Base, double> off;
  for (const auto& [key, result] : newest)
    if (const Value peak = PeakRssBytes(*result); peak && TextAt(*result, "strategy") == "off")
      off[BaseOf(*result)] = *peak;
  std::string table = std::string(kHead) + OriginalRow("before", &OriginalFigure::before_text) +
                      OriginalRow("after", &OriginalFigure::after_text);
  for (const auto& [key, result] : newest) table += Row(*result, off);
  return table;
}

}  // namespace prefixmesh::bench
