#include "bench/result/slo.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "impl/base/check.h"

namespace prefixmesh::bench {
namespace {

using Comparison = SloExpression::Comparison;

// Longer ones first, so that "<=" is not read as "<".
constexpr std::pair<std::string_view, Comparison> kComparisons[] = {
    {"==", Comparison::kEqual},   {"!=", Comparison::kNotEqual}, {"<=", Comparison::kAtMost},
    {">=", Comparison::kAtLeast}, {"<", Comparison::kLess},      {">", Comparison::kMore}};

struct Unit {
  std::string_view name;
  bool bytes;
  double size;  // in bytes, or in seconds
};
constexpr Unit kUnits[] = {{"B", true, 1},      {"KiB", true, 1024}, {"MiB", true, 1048576}, {"GiB", true, 1073741824},
                           {"us", false, 1e-6}, {"ms", false, 1e-3}, {"s", false, 1}};

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

Result<SloExpression> ParseSlo(std::string_view text) {
  const std::string quoted = "SLO " + Quoted(text) + ": ";
  const auto invalid = [&](const std::string& what) { return Error{ErrorCode::kInvalid, quoted + what}; };
  if (text.size() > kSloBytesMax) return invalid("longer than " + std::to_string(kSloBytesMax) + " bytes");

  Cursor in(text);
  Result<FieldValue> value = TakeFieldValue(in);
  if (!value.ok()) return invalid(value.error().message);
  SloExpression slo;
  slo.value_ = std::move(*value);
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
  const std::optional<double> threshold = Convert(slo.threshold_, *unit, slo.value_.dimension());
  if (!threshold.has_value() || !std::isfinite(*threshold))
    return invalid("the unit " + Quoted(unit_name) + " does not fit " + slo.value_.PathText());
  slo.threshold_ = *threshold;
  return slo;
}

SloOutcome SloExpression::Evaluate(const nlohmann::json& result) const {
  SloOutcome outcome;
  outcome.value = value_.Evaluate(result);
  outcome.ok = outcome.value.has_value() && Holds(*outcome.value, comparison_, threshold_);
  return outcome;
}

std::string SloExpression::ToString() const {
  std::string text = value_.ToString();
  for (const auto& [token, comparison] : kComparisons) {
    if (comparison == comparison_) text += " " + std::string(token) + " ";
  }
  char number[64];
  const auto [end, error] = std::to_chars(number, number + sizeof number, threshold_);
  PREFIXMESH_CHECK(error == std::errc());
  return text.append(number, end);
}

}  // namespace prefixmesh::bench
