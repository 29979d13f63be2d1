#include "bench/result/ladder_text.h"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench/result/key_figures.h"
#include "bench/text/quantity.h"
#include "impl/figures/ladder_figures.h"

namespace prefixmesh::bench {
namespace {

// As kLadderWorldValues and kLadderStepValues.
constexpr std::string_view kWorldNames[] = {"one cache without limit", "one LRU as large as the fleet's",
                                            "one router that sees all", "the run's routers, modelled",
                                            "the same without sync"};
static_assert(std::size(kWorldNames) == std::size(kLadderWorldValues));
constexpr std::size_t kSteps = std::size(kLadderStepValues);
constexpr std::size_t kUnsynced = std::size(kWorldNames) - 1;

std::optional<double> ShareOfWorld(const nlohmann::json& result, std::size_t world) {
  const auto bytes = FigureValue(result, kLadderGroup, LadderFigure("cached_bytes.*"), kLadderWorldValues[world].name);
  const auto prompts = FigureValue(result, kRoutingGroup, RoutingFigure("prompt_bytes"));
  return bytes && prompts.value_or(0) > 0 ? std::optional(*bytes / *prompts) : std::nullopt;
}

LadderRow WorldRow(const nlohmann::json& result, std::size_t world) {
  return {kWorldNames[world], kLadderWorldValues[world].meaning, false, ShareOfWorld(result, world)};
}

LadderRow StepRow(const nlohmann::json& result, std::size_t step) {
  const LabelValue& label = kLadderStepValues[step];
  return {label.name, label.meaning, true, FigureValue(result, kLadderGroup, LadderFigure("step.*"), label.name)};
}

// Without the "C0 - C1: " in front.
std::string CauseOf(const LadderRow& step) { return std::string(step.meaning.substr(step.meaning.find(": ") + 2)); }

std::string Points(const char* format, double share) {
  char text[32];
  std::snprintf(text, sizeof text, format, share * 100);
  return text;
}

std::string WithError(std::string text, double share) {
  return std::fabs(share) < kLadderModelError ? text + ", within model error" : text;
}

}  // namespace

std::vector<LadderRow> LadderRows(const nlohmann::json& result) {
  std::vector<LadderRow> rows;
  for (std::size_t step = 0; step < kSteps; ++step) {
    rows.push_back(WorldRow(result, step));
    rows.push_back(StepRow(result, step));
  }
  const Figure& cached = RoutingFigure("cached_share");
  rows.push_back({"the run", cached.meaning, false, FigureValue(result, kRoutingGroup, cached)});
  return rows;
}

std::vector<LadderRow> RowsBesideLadder(const nlohmann::json& result) {
  const Figure& gained = LadderFigure("gained_by_sync");
  return {WorldRow(result, kUnsynced), {gained.title, gained.meaning, true, FigureValue(result, kLadderGroup, gained)}};
}

std::string StepText(const std::optional<double>& lost) {
  if (!lost) return std::string(kMissing);
  return WithError(*lost < 0 ? Points("+%.1f points gained", -*lost) : Points("%.1f points lost", *lost), *lost);
}

std::string GainText(const std::optional<double>& gained) {
  return gained ? WithError(QuantityText(Quantity::kPoints, gained), *gained) : std::string(kMissing);
}

// What is gained is against a model, not against another run.
static std::string Alone(const nlohmann::json& result) {
  const std::optional<double> share = RowsBesideLadder(result).front().share;
  return share ? ": routers that learn nothing would have had " + QuantityText(Quantity::kShare, share) : "";
}

std::string LadderSentences(const nlohmann::json& result) {
  const std::vector<LadderRow> rows = LadderRows(result);
  const std::optional<double> best = rows.front().share, run = rows.back().share;
  if (!best || !run) return "";
  std::string text = QuantityText(Quantity::kShare, run) +
                     " of the prompt bytes were cached; one cache without limit " + "would have had " +
                     QuantityText(Quantity::kShare, best) + ".";
  const LadderRow* worst = nullptr;
  for (const LadderRow& row : rows)
    if (row.step && row.share && (worst == nullptr || *row.share > *worst->share)) worst = &row;
  if (worst != nullptr && *worst->share >= kLadderModelError) {
    text += " Most is lost at " + std::string(worst->name) + ", " + Points("%.1f points", *worst->share) + ": " +
            CauseOf(*worst) + ".";
  } else {
    text += " What is lost of that is within the model's error.";
  }
  if (const auto gained = GainedBySync(result)) text += " Sync brought " + GainText(gained) + Alone(result) + ".";
  return text;
}

}  // namespace prefixmesh::bench
