#include "bench/result/key_figures.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/result/json_at.h"
#include "impl/figures/figures.h"
#include "impl/figures/ladder_figures.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::json;

constexpr std::pair<Section, std::string_view> kSections[] = {
    {Section::kMemory, "Memory of the largest router"},    {Section::kSync, "Sync, all routers"},
    {Section::kPlacements, "Placements and visibility"},   {Section::kRouting, "Routing"},
    {Section::kDecision, "Decision time, slowest router"}, {Section::kLoad, "Load"},
};

void AddRow(const FigureGroup& group, const Figure& figure, std::vector<KeyFigure>& rows) {
  if (!figure.labelled()) return rows.push_back({&group, &figure, {}, TitleOf(figure)});
  for (const LabelValue& value : figure.label.values)
    if (value.shown) rows.push_back({&group, &figure, value.name, TitleOf(figure, value.name)});
}

std::vector<KeyFigures> MakeKeyFigures() {
  std::vector<KeyFigures> all;
  for (const auto& [section, title] : kSections) {
    KeyFigures& part = all.emplace_back();
    part.title = title;
    for (const FigureGroup* group : kFigureGroups)
      for (const Figure& figure : group->figures)
        if (figure.section == section) AddRow(*group, figure, part.figures);
  }
  for (const FigureGroup* group : kFigureGroups) {
    if (!group->optional) continue;
    KeyFigures part{group->title, {}, group->name};
    for (const Figure& figure : group->figures)
      if (figure.section == Section::kOptional) AddRow(*group, figure, part.figures);
    if (!part.figures.empty()) all.push_back(std::move(part));
  }
  return all;
}

}  // namespace

std::optional<double> FigureValue(const Json& result, const FigureGroup& group, const Figure& figure,
                                  std::string_view label) {
  const std::string path = WithLabel(figure.path, label);
  if (!group.each) return NumberAt(NodeAt(result, group.name), path);
  std::optional<double> folded;
  for (const Json& each : ArrayAt(result, group.name)) {
    const std::optional<double> value = NumberAt(each, path);
    if (!value.has_value()) return std::nullopt;
    folded = !folded ? *value : figure.fold == prefixmesh::Fold::kSum ? *folded + *value : std::max(*folded, *value);
  }
  return folded;
}

std::optional<double> GainedBySync(const Json& result) {
  if (TextAt(result, "strategy") == "off") return std::nullopt;
  return FigureValue(result, kLadderGroup, LadderFigure("gained_by_sync"));
}

std::optional<double> KeyFigure::Value(const Json& result) const {
  if (figure == &LadderFigure("gained_by_sync")) return GainedBySync(result);
  return FigureValue(result, *group, *figure, label);
}

Quantity QuantityOf(Unit unit) {
  switch (unit) {
    case Unit::kCount:
      return Quantity::kCount;
    case Unit::kBytes:
      return Quantity::kBytes;
    case Unit::kBytesPerSecond:
      return Quantity::kBytesPerSecond;
    case Unit::kMicroseconds:
      return Quantity::kMicroseconds;
    case Unit::kMilliseconds:
      return Quantity::kMilliseconds;
    case Unit::kSeconds:
      return Quantity::kSeconds;
    case Unit::kPerSecond:
      return Quantity::kPerSecond;
    case Unit::kShare:
      return Quantity::kShare;
    case Unit::kPoints:
      return Quantity::kPoints;
    case Unit::kRatio:
    case Unit::kCores:
      return Quantity::kRatio;
  }
  return Quantity::kRatio;
}

const std::vector<KeyFigures>& AllKeyFigures() {
  static const std::vector<KeyFigures> all = MakeKeyFigures();
  return all;
}

bool KeyFigures::Concerns(std::span<const Json> results) const {
  return only_with.empty() || std::any_of(results.begin(), results.end(),
                                          [&](const Json& result) { return NodeAt(result, only_with).is_object(); });
}

}  // namespace prefixmesh::bench
