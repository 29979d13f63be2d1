#include "bench/result/slo.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "bench/result/schema_embed.h"
#include "impl/base/check.h"

namespace prefixmesh::bench {
namespace {

using Json = nlohmann::json;
using Fold = SloExpression::Fold;
using Comparison = SloExpression::Comparison;

constexpr std::pair<std::string_view, Fold> kFolds[] = {
    {"max", Fold::kMax}, {"min", Fold::kMin}, {"sum", Fold::kSum}, {"mean", Fold::kMean}};
// Longer ones first, so that "<=" is not read as "<".
constexpr std::pair<std::string_view, Comparison> kComparisons[] = {
    {"==", Comparison::kEqual},   {"!=", Comparison::kNotEqual}, {"<=", Comparison::kAtMost},
    {">=", Comparison::kAtLeast}, {"<", Comparison::kLess},      {">", Comparison::kMore}};

enum class Dimension : std::uint8_t { kPlain, kBytes, kMicroseconds, kMilliseconds, kSeconds };
struct Unit {
  std::string_view name;
  bool bytes;
  double size;  // in bytes, or in seconds
};
constexpr Unit kUnits[] = {{"B", true, 1},      {"KiB", true, 1024}, {"MiB", true, 1048576}, {"GiB", true, 1073741824},
                           {"us", false, 1e-6}, {"ms", false, 1e-3}, {"s", false, 1}};

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

const Json& Schema() {
  static const Json schema = Json::parse(ResultSchema());
  return schema;
}

const Json& Resolve(const Json& node) {
  const auto reference = node.find("$ref");
  if (reference == node.end()) return node;
  return Schema().at(Json::json_pointer(reference->get<std::string>().substr(1)));
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
  const Json* node = &Schema();
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

// Hostile text may be quoted in an error: one line, printable, not long.
std::string Quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, 60)) out += c >= 0x20 && c < 0x7f ? c : '?';
  return out + (text.size() > 60 ? "…'" : "'");
}

class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}
  void SkipSpace() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
  }
  bool Take(std::string_view token) {
    SkipSpace();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  std::string_view TakeName() {
    std::size_t end = 0;
    const auto is_name = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    };
    while (end < rest_.size() && is_name(rest_[end])) ++end;
    return TakeBytes(end);
  }
  std::string_view TakeBytes(std::size_t count) {
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

bool TakePath(Cursor& in, std::vector<std::string>& path) {
  in.SkipSpace();
  do {
    path.emplace_back(in.TakeName());
    if (path.back().empty()) return false;
  } while (in.rest().starts_with('.') && !in.TakeBytes(1).empty());
  return true;
}

bool TakeNumber(Cursor& in, double& number) {
  in.SkipSpace();
  const std::string_view rest = in.rest();
  const std::size_t digit = rest.starts_with('-') ? 1 : 0;
  if (rest.size() <= digit || ((rest[digit] < '0' || rest[digit] > '9') && rest[digit] != '.')) return false;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error != std::errc() || !std::isfinite(number)) return false;
  in.TakeBytes(static_cast<std::size_t>(end - rest.data()));
  return true;
}

std::string Joined(const std::vector<std::string>& path) {
  std::string text;
  for (const std::string& name : path) text += (text.empty() ? "" : ".") + name;
  return text;
}

// `number` in `unit` as the field counts; nothing when the unit is not the field's.
std::optional<double> Convert(double number, const Unit& unit, Dimension dimension) {
  if (dimension == Dimension::kPlain || unit.bytes != (dimension == Dimension::kBytes)) return std::nullopt;
  switch (dimension) {
    case Dimension::kMicroseconds:
      return unit.size == 1e-6 ? number : number * (unit.size == 1e-3 ? 1e3 : 1e6);
    case Dimension::kMilliseconds:
      return unit.size == 1e-6 ? number / 1e3 : unit.size == 1e-3 ? number : number * 1e3;
    case Dimension::kSeconds:
      return unit.size == 1e-6 ? number / 1e6 : unit.size == 1e-3 ? number / 1e3 : number;
    default:
      return number * unit.size;
  }
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

bool Holds(double value, Comparison comparison, double threshold) {
  switch (comparison) {
    case Comparison::kEqual:
      return value == threshold;
    case Comparison::kNotEqual:
      return value != threshold;
    case Comparison::kAtMost:
      return value <= threshold;
    case Comparison::kLess:
      return value < threshold;
    case Comparison::kAtLeast:
      return value >= threshold;
    case Comparison::kMore:
      return value > threshold;
  }
  return false;
}

}  // namespace

const std::vector<std::string>& NumericFields() {
  static const std::vector<std::string> fields = [] {
    std::vector<std::string> all;
    Collect(Schema(), "", all);
    return all;
  }();
  return fields;
}

Result<SloExpression> ParseSlo(std::string_view text) {
  const std::string quoted = "SLO " + Quoted(text) + ": ";
  const auto invalid = [&](const std::string& what) { return Error{ErrorCode::kInvalid, quoted + what}; };
  if (text.size() > kSloBytesMax) return invalid("longer than " + std::to_string(kSloBytesMax) + " bytes");

  SloExpression slo;
  Cursor in(text);
  if (!TakePath(in, slo.path_)) return invalid("expected a field of result.json at " + Quoted(in.rest()));
  if (in.Take("(")) {
    const auto fold = std::find_if(std::begin(kFolds), std::end(kFolds),
                                   [&](const auto& one) { return one.first == Joined(slo.path_); });
    if (fold == std::end(kFolds)) return invalid("only max, min, sum and mean may stand before '('");
    slo.fold_ = fold->second;
    slo.path_.clear();
    if (!TakePath(in, slo.path_)) return invalid("expected a field of result.json at " + Quoted(in.rest()));
    if (!in.Take(")")) return invalid("expected ')' at " + Quoted(in.rest()));
  }
  const std::string path = Joined(slo.path_);
  const Field field = FindField(slo.path_);
  if (!field.exists) return invalid("unknown field " + Quoted(path) + "; near it: " + NearFields(path));
  if (!field.number) return invalid("field " + Quoted(path) + " is not a number; near it: " + NearFields(path));
  if (field.many && slo.fold_ == Fold::kNone) return invalid(path + " has many values: use max, min, sum or mean");

  const auto comparison = std::find_if(std::begin(kComparisons), std::end(kComparisons),
                                       [&](const auto& one) { return in.Take(one.first); });
  if (comparison == std::end(kComparisons)) return invalid("expected ==, !=, <=, <, >= or > at " + Quoted(in.rest()));
  slo.comparison_ = comparison->second;
  if (!TakeNumber(in, slo.threshold_)) return invalid("expected a number at " + Quoted(in.rest()));

  in.SkipSpace();
  const std::string_view unit_name = in.TakeName();
  in.SkipSpace();
  if (!in.rest().empty()) return invalid("unexpected " + Quoted(in.rest()) + " at the end");
  if (unit_name.empty()) return slo;
  const auto unit =
      std::find_if(std::begin(kUnits), std::end(kUnits), [&](const Unit& one) { return one.name == unit_name; });
  if (unit == std::end(kUnits))
    return invalid("unknown unit " + Quoted(unit_name) + "; known are B, KiB, MiB, GiB, us, ms and s");
  const std::optional<double> threshold = Convert(slo.threshold_, *unit, DimensionOf(slo.path_));
  if (!threshold.has_value() || !std::isfinite(*threshold))
    return invalid("the unit " + Quoted(unit_name) + " does not fit " + path);
  slo.threshold_ = *threshold;
  return slo;
}

SloOutcome SloExpression::Evaluate(const nlohmann::json& result) const {
  Gathered gathered;
  Gather(result, path_, 0, gathered);
  SloOutcome outcome;
  outcome.value = FoldValues(fold_, gathered);
  outcome.ok = outcome.value.has_value() && Holds(*outcome.value, comparison_, threshold_);
  return outcome;
}

std::string SloExpression::ToString() const {
  std::string text = Joined(path_);
  for (const auto& [name, fold] : kFolds) {
    if (fold == fold_) text = std::string(name) + "(" + text + ")";
  }
  for (const auto& [token, comparison] : kComparisons) {
    if (comparison == comparison_) text += " " + std::string(token) + " ";
  }
  char number[64];
  const auto [end, error] = std::to_chars(number, number + sizeof number, threshold_);
  PREFIXMESH_CHECK(error == std::errc());
  return text.append(number, end);
}

}  // namespace prefixmesh::bench
