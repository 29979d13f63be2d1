#include "bench/result/result_schema.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/result/schema_frame.h"
#include "impl/base/check.h"
#include "impl/figures/figures.h"

namespace prefixmesh::bench {
namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson NumberSchema(const Figure& figure, std::string_view meaning) {
  OrderedJson number = {{"type", {figure.nature == Nature::kCounted ? "integer" : "number", "null"}}};
  if (!figure.negative) number["minimum"] = 0;
  if (figure.unit == Unit::kShare) number["maximum"] = 1;
  number["description"] = meaning;
  return number;
}

// The object's own `properties`, made if need be; nothing else may be in it unless that is said.
OrderedJson& PropertiesOf(OrderedJson& object) {
  if (object.is_null()) object["type"] = "object";
  if (!object.contains("properties")) {
    object["properties"] = OrderedJson::object();
    object["additionalProperties"] = false;
  }
  return object["properties"];
}

// Puts a figure at what is left of its path, below `object`. `label` is the value that the `*` before stood for.
void PutFigure(OrderedJson& object, const Figure& figure, std::string_view rest, const LabelValue* label) {
  const std::string_view step = rest.substr(0, rest.find('.'));
  rest.remove_prefix(std::min(rest.size(), step.size() + 1));
  const auto put = [&](OrderedJson& at, std::string_view otherwise, const LabelValue* of) {
    if (rest.empty()) {
      at = NumberSchema(figure, otherwise);
    } else {
      PutFigure(at, figure, rest, of);
    }
  };
  if (step != "*") return put(PropertiesOf(object)[std::string(step)], figure.meaning, label);
  if (object.is_null()) object["type"] = "object";
  if (rest.empty()) object["description"] = figure.meaning;
  if (figure.label.values.empty()) return put(object["additionalProperties"], figure.label.name, nullptr);
  for (const LabelValue& value : figure.label.values)
    put(PropertiesOf(object)[std::string(value.name)], value.meaning, &value);
  // A sum over a map of counts is an objective's to make.
  if (rest.empty() && figure.nature == Nature::kCounted) object["additionalProperties"] = {{"$ref", "#/$defs/count"}};
}

OrderedJson GroupSchema(const FigureGroup& group, const OrderedJson& frame) {
  OrderedJson object = {{"type", "object"}, {"description", group.meaning}};
  if (frame.contains("properties")) {
    for (const auto& [name, value] : frame.at("properties").items()) object["required"].push_back(name);
    PropertiesOf(object) = frame.at("properties");
  }
  for (const Figure& figure : group.figures)
    if (figure.in_result) PutFigure(object, figure, figure.path, nullptr);
  return object;
}

// Where the frame says `figures`, the group of that name.
OrderedJson Filled(const OrderedJson& frame) {
  if (frame.is_object() && frame.contains("figures")) {
    const auto group = std::find_if(std::begin(kFigureGroups), std::end(kFigureGroups),
                                    [&](const FigureGroup* each) { return each->name == frame.at("figures"); });
    PREFIXMESH_CHECK(group != std::end(kFigureGroups));
    return GroupSchema(**group, frame);
  }
  OrderedJson filled = frame;
  if (frame.is_structured())
    for (auto at = filled.begin(); at != filled.end(); ++at) *at = Filled(*at);
  return filled;
}

const OrderedJson& Ordered() {
  static const OrderedJson schema = Filled(OrderedJson::parse(ResultSchemaFrame()));
  return schema;
}

// On one line what fits on it.
std::string Pretty(const OrderedJson& node, std::size_t indent) {
  const std::string flat = node.dump();
  if (!node.is_structured() || node.empty() || indent + flat.size() <= 100) return flat;
  const std::string pad(indent + 1, ' ');
  std::string text;
  if (node.is_array() &&
      std::none_of(node.begin(), node.end(), [](const OrderedJson& one) { return one.is_structured(); })) {
    std::string line;
    for (const OrderedJson& one : node) {
      const std::string word = one.dump();
      if (!line.empty() && pad.size() + line.size() + word.size() > 100) {
        text += "\n" + pad + line;
        line.clear();
      }
      line += (line.empty() ? "" : " ") + word + (&one == &node.back() ? "" : ",");
    }
    return "[" + text + "\n" + pad + line + "\n" + std::string(indent, ' ') + "]";
  }
  for (const auto& [key, value] : node.items())
    text += (text.empty() ? "\n" : ",\n") + pad + (node.is_object() ? OrderedJson(key).dump() + ": " : "") +
            Pretty(value, indent + 1);
  text += "\n" + std::string(indent, ' ');
  return node.is_object() ? "{" + text + "}" : "[" + text + "]";
}

}  // namespace

const nlohmann::json& ResultSchema() {
  static const nlohmann::json schema(Ordered());
  return schema;
}

std::string ResultSchemaText() { return Pretty(Ordered(), 0) + "\n"; }

}  // namespace prefixmesh::bench
