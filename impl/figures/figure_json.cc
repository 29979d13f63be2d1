#include "impl/figures/figure_json.h"

#include <nlohmann/json.hpp>

namespace prefixmesh {
namespace {

using Json = nlohmann::ordered_json;

// The names from the group's object to the figure's place; `*` is the label, which may have dots of its own.
std::vector<std::string> Steps(const Figure& figure, std::string_view label) {
  std::vector<std::string> steps;
  std::string_view rest = figure.path;
  while (!rest.empty()) {
    const std::string_view step = rest.substr(0, rest.find('.'));
    steps.emplace_back(step == "*" ? label : step);
    rest.remove_prefix(std::min(rest.size(), step.size() + 1));
  }
  return steps;
}

Json& Place(Json& object, const Figure& figure, std::string_view label) {
  Json* at = &object;
  for (const std::string& step : Steps(figure, label)) at = &(*at)[step];
  return *at;
}

// What holds the labels of a figure: all that is before its `*`.
Json& Labels(Json& object, const Figure& figure) {
  Json* at = &object;
  for (const std::string& step : Steps(figure, "*")) {
    if (step == "*") break;
    at = &(*at)[step];
  }
  if (at->is_null()) *at = Json::object();
  return *at;
}

Json ValueOf(const Reading* reading) {
  if (reading == nullptr || reading->reason() != nullptr) return nullptr;
  if (const auto* count = std::get_if<std::uint64_t>(&reading->value)) return *count;
  return *reading->number();
}

// Calls with every label that the figure has: "" if it has none, those of its closed set, or those that were read.
template <typename Visit>
void EachLabel(const Figure& figure, const Readings& readings, Visit visit) {
  if (!figure.labelled()) return visit(std::string_view());
  for (const LabelValue& value : figure.label.values) visit(value.name);
  if (!figure.label.values.empty()) return;
  for (const Reading& reading : readings)
    if (reading.figure == &figure) visit(std::string_view(reading.label));
}

}  // namespace

Json FiguresJson(const FigureGroup& group, const Readings& readings) {
  Json object = Json::object();
  for (const Figure& figure : group.figures) {
    if (!figure.in_result) continue;
    if (figure.labelled()) Labels(object, figure);
    EachLabel(figure, readings,
              [&](std::string_view label) { Place(object, figure, label) = ValueOf(readings.Find(figure, label)); });
  }
  return object;
}

void AddReasons(const FigureGroup& group, const Readings& readings, Reasons& reasons) {
  for (const Figure& figure : group.figures) {
    if (!figure.in_result) continue;
    EachLabel(figure, readings, [&](std::string_view label) {
      const Reading* reading = readings.Find(figure, label);
      if (reading != nullptr && reading->reason() == nullptr) return;
      const std::string path = Reading{&figure, std::string(label), {}}.Path();
      reasons[std::string(group.name) + "." + path] =
          reading != nullptr && !reading->reason()->empty() ? *reading->reason() : std::string(figure.null_when);
    });
  }
}

Readings ReadFigures(const FigureGroup& group, const nlohmann::json& object, const Reasons& reasons) {
  Readings readings;
  const auto read = [&](const Figure& figure, std::string_view label) {
    const nlohmann::json* at = &object;
    for (const std::string& step : Steps(figure, label)) {
      if (!at->is_object() || !at->contains(step)) return;
      at = &at->at(step);
    }
    const std::string own(label);
    if (at->is_number_unsigned()) {
      readings.Add({&figure, own, at->get<std::uint64_t>()});
    } else if (at->is_number() && figure.nature == Nature::kMeasured) {
      readings.Add({&figure, own, at->get<double>()});
    } else if (at->is_null()) {
      const auto why = reasons.find(std::string(group.name) + "." + Reading{&figure, own, {}}.Path());
      readings.SetNotMeasured(figure, why != reasons.end() ? std::string_view(why->second) : std::string_view(), label);
    }
  };
  for (const Figure& figure : group.figures) {
    if (!figure.labelled()) {
      read(figure, {});
    } else if (!figure.label.values.empty()) {
      for (const LabelValue& value : figure.label.values) read(figure, value.name);
    } else {
      const nlohmann::json* at = &object;
      for (const std::string& step : Steps(figure, "*")) {
        if (step == "*") break;
        static const nlohmann::json kNothing;
        at = at->is_object() && at->contains(step) ? &at->at(step) : &kNothing;
      }
      if (!at->is_object()) continue;
      for (const auto& [label, value] : at->items()) read(figure, label);
    }
  }
  return readings;
}

}  // namespace prefixmesh
