#include "bench/result/field_value.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "bench/result/result_schema.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::json;
using Fold = FieldValue::Fold;

constexpr std::pair<std::string_view, Fold> kFolds[] = {
    {"max", Fold::kMax}, {"min", Fold::kMin}, {"sum", Fold::kSum}, {"mean", Fold::kMean}};

// A name's words tell its unit: `peak_rss_bytes`, `bytes_per_s` and `wire_bytes` are bytes, `cpu_s` is seconds.
Dimension DimensionOfName(std::string_view name) {
  std::string_view last = name, rest = name;
  while (!rest.empty()) {
    const std::size_t cut = std::min(rest.find('_'), rest.size());
    last = rest.substr(0, cut);
    if (last == "bytes") return Dimension::kBytes;
    rest.remove_prefix(std::min(cut + 1, rest.size()));
  }
  if (last == "us") return Dimension::kMicroseconds;
  if (last == "ms") return Dimension::kMilliseconds;
  return last == "s" ? Dimension::kSeconds : Dimension::kPlain;
}

// `latency_from_intended_us.p99` has its unit one name up.
Dimension DimensionOf(const std::vector<std::string>& path) {
  for (auto name = path.rbegin(); name != path.rend(); ++name) {
    const Dimension dimension = DimensionOfName(*name);
    if (dimension != Dimension::kPlain) return dimension;
  }
  return Dimension::kPlain;
}

const Json& Resolve(const Json& node) {
  const auto reference = node.find("$ref");
  if (reference == node.end()) return node;
  return ResultSchema().at(Json::json_pointer(reference->get<std::string>().substr(1)));
}

bool HasType(const Json& node, std::string_view type) {
  const auto found = node.find("type");
  if (found == node.end()) return false;
  if (found->is_string()) return found->get_ref<const std::string&>() == type;
  return std::any_of(found->begin(), found->end(), [&](const Json& one) { return one == type; });
}

bool IsNumber(const Json& node) { return HasType(node, "number") || HasType(node, "integer"); }

bool IsCountMap(const Json& node) {
  const auto values = node.find("additionalProperties");
  return values != node.end() && values->is_object() && IsNumber(Resolve(*values));
}

void Collect(const Json& unresolved, const std::string& prefix, std::vector<std::string>& fields) {
  const Json& node = Resolve(unresolved);
  if (IsNumber(node)) {
    fields.push_back(prefix);
    return;
  }
  if (const auto items = node.find("items"); items != node.end()) return Collect(*items, prefix, fields);
  const std::string dot = prefix.empty() ? "" : prefix + ".";
  if (const auto properties = node.find("properties"); properties != node.end()) {
    for (const auto& [name, value] : properties->items()) {
      if (prefix.empty() && (name == "slo" || name == "schema_version")) continue;  // not measured
      Collect(value, dot + name, fields);
    }
  }
  const auto others = node.find("additionalProperties");
  if (others != node.end() && others->is_object()) Collect(*others, dot + "*", fields);
}

struct Field {
  bool exists = false;
  bool number = false;
  bool many = false;  // goes through an array or ends in a map
};
Field FindField(const std::vector<std::string>& path) {
  Field field;
  if (path.front() == "slo" || path.front() == "schema_version") return field;
  const Json* node = &ResultSchema();
  for (const std::string& name : path) {
    while (node->contains("items")) {
      field.many = true;
      node = &Resolve(node->at("items"));
    }
    const auto properties = node->find("properties");
    if (properties != node->end() && properties->contains(name)) {
      node = &Resolve(properties->at(name));
      continue;
    }
    const auto others = node->find("additionalProperties");
    if (others == node->end() || !others->is_object()) return field;
    node = &Resolve(*others);
  }
  field.exists = true;
  while (node->contains("items") ||
         (!IsNumber(*node) && !node->contains("properties") && node->contains("additionalProperties") &&
          node->at("additionalProperties").is_object())) {
    field.many = true;
    node = &Resolve(node->contains("items") ? node->at("items") : node->at("additionalProperties"));
  }
  field.number = IsNumber(*node);
  // decisions has named keys and others: as a whole it is a map of counts.
  if (!field.number && IsCountMap(*node)) field.number = field.many = true;
  return field;
}

std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0u : 1u)});
      diagonal = above;
    }
  }
  return row.back();
}

// What a person may have meant: a full path that ends in what was typed, else the nearest by edits.
std::string NearFields(const std::string& wanted) {
  std::vector<std::pair<std::size_t, const std::string*>> ranked;
  const std::string last = wanted.substr(wanted.rfind('.') + 1);
  for (const std::string& field : NumericFields()) {
    const bool same_end = field.size() > last.size() && field.ends_with("." + last);
    ranked.emplace_back(EditDistance(wanted, field) / (same_end ? 2 : 1), &field);
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, ranked.size()); ++i)
    text += (i > 0 ? ", " : "") + *ranked[i].second;
  return text;
}

bool TakePath(Cursor& in, std::vector<std::string>& path) {
  in.SkipSpace();
  do {
    path.emplace_back(in.TakeName());
    if (path.back().empty()) return false;
  } while (in.rest().starts_with('.') && !in.TakeBytes(1).empty());
  return true;
}

std::string Joined(const std::vector<std::string>& path) {
  std::string text;
  for (const std::string& name : path) text += (text.empty() ? "" : ".") + name;
  return text;
}

struct Gathered {
  std::vector<double> values;
  bool unmeasured = false;
  bool empty_map = false;
};
void Gather(const Json& node, const std::vector<std::string>& path, std::size_t at, Gathered& out) {
  if (node.is_array()) {
    for (const Json& item : node) {
      if (item.is_null() && at == path.size()) continue;  // a gap in a series
      Gather(item, path, at, out);
    }
    return;
  }
  if (at == path.size()) {
    if (node.is_number()) {
      out.values.push_back(node.get<double>());
    } else if (node.is_object()) {
      out.empty_map = out.empty_map || node.empty();
      for (const Json& value : node) Gather(value, path, at, out);
    } else {
      out.unmeasured = true;
    }
    return;
  }
  const auto found = node.is_object() ? node.find(path[at]) : node.end();
  if (!node.is_object() || found == node.end()) {
    out.unmeasured = true;
    return;
  }
  Gather(*found, path, at + 1, out);
}

std::optional<double> FoldValues(Fold fold, const Gathered& gathered) {
  const std::vector<double>& values = gathered.values;
  if (gathered.unmeasured) return std::nullopt;
  if (values.empty()) return fold == Fold::kSum && gathered.empty_map ? std::optional<double>(0) : std::nullopt;
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  switch (fold) {
    case Fold::kMax:
      return *std::max_element(values.begin(), values.end());
    case Fold::kMin:
      return *std::min_element(values.begin(), values.end());
    case Fold::kSum:
      return sum;
    case Fold::kMean:
      return sum / static_cast<double>(values.size());
    case Fold::kNone:
      break;
  }
  return values.size() == 1 ? std::optional<double>(values.front()) : std::nullopt;
}

}  // namespace

const std::vector<std::string>& NumericFields() {
  static const std::vector<std::string> fields = [] {
    std::vector<std::string> all;
    Collect(ResultSchema(), "", all);
    return all;
  }();
  return fields;
}

Result<FieldValue> TakeFieldValue(Cursor& in) {
  const auto invalid = [](const std::string& what) { return Error{ErrorCode::kInvalid, what}; };
  FieldValue value;
  if (!TakePath(in, value.path_)) return invalid("expected a field of result.json at " + Quoted(in.rest()));
  if (in.Take("(")) {
    const auto fold = std::find_if(std::begin(kFolds), std::end(kFolds),
                                   [&](const auto& one) { return one.first == Joined(value.path_); });
    if (fold == std::end(kFolds)) return invalid("only max, min, sum and mean may stand before '('");
    value.fold_ = fold->second;
    value.path_.clear();
    if (!TakePath(in, value.path_)) return invalid("expected a field of result.json at " + Quoted(in.rest()));
    if (!in.Take(")")) return invalid("expected ')' at " + Quoted(in.rest()));
  }
  const std::string path = Joined(value.path_);
  const Field field = FindField(value.path_);
  if (!field.exists) return invalid("unknown field " + Quoted(path) + "; near it: " + NearFields(path));
  if (!field.number) return invalid("field " + Quoted(path) + " is not a number; near it: " + NearFields(path));
  if (field.many && value.fold_ == Fold::kNone) return invalid(path + " has many values: use max, min, sum or mean");
  return value;
}

Result<FieldValue> ParseFieldValue(std::string_view text) {
  Cursor in(text);
  Result<FieldValue> value = TakeFieldValue(in);
  if (!value.ok()) return value;
  in.SkipSpace();
  if (!in.rest().empty()) return Error{ErrorCode::kInvalid, "unexpected " + Quoted(in.rest()) + " at the end"};
  return value;
}

std::optional<double> FieldValue::Evaluate(const nlohmann::json& result) const {
  Gathered gathered;
  Gather(result, path_, 0, gathered);
  return FoldValues(fold_, gathered);
}

Dimension FieldValue::dimension() const { return DimensionOf(path_); }

std::string FieldValue::PathText() const { return Joined(path_); }

std::string FieldValue::ToString() const {
  std::string text = Joined(path_);
  for (const auto& [name, fold] : kFolds) {
    if (fold == fold_) text = std::string(name) + "(" + text + ")";
  }
  return text;
}

}  // namespace prefixmesh::bench
