#include "bench/report/figures.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "impl/figures/figure_names.h"
#include "impl/figures/figures.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::json;

constexpr std::pair<Section, std::string_view> kSections[] = {
    {Section::kMemory, "Memory of the largest router"},    {Section::kSync, "Sync, all routers"},
    {Section::kPlacements, "Placements and visibility"},   {Section::kRouting, "Routing"},
    {Section::kDecision, "Decision time, slowest router"}, {Section::kLoad, "Load"},
};

constexpr VerdictWords kVerdicts[] = {
    {"✓", "ok", "ok", "every planned request was sent and measured"},
    {"✕", "failed", "failed", "the run did not finish, or nothing came back ok"},
    {"■", "killed", "killed", "hit its stated memory cap"},
    {"?", "untrusted", "untrusted", "the load generator was not good enough: no verdict"},
    {"▼", "SLO missed", "slo_missed", "an objective of the scenario was missed"},
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
    folded = !folded ? *value : figure.fold == Fold::kSum ? *folded + *value : std::max(*folded, *value);
  }
  return folded;
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

std::string MachineText(const Json& result) {
  const auto text = [&](const char* path) {
    const Json& node = NodeAt(result, path);
    return node.is_string() ? node.get<std::string>() : node.dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  return text("machine.cpu") + ", " + text("machine.cores") + " cores, " +
         QuantityText(Quantity::kBytes, NumberAt(result, "machine.memory_bytes")) + ", " + text("machine.kernel");
}

VerdictWords VerdictOf(const Json& result) {
  const std::string verdict = TextAt(result, "verdict", "");
  for (const VerdictWords& words : kVerdicts) {
    if (words.css_class == verdict) return words;
  }
  return {"?", "no verdict", "untrusted", "the file has no verdict that this report knows"};
}

}  // namespace prefixmesh::bench
