#include "impl/settings/setting.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "impl/base/did_you_mean.h"

namespace prefixmesh {
namespace {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

struct UnitScale {
  const char* name;
  bool is_time;
  double scale;  // in seconds or bytes
};
constexpr UnitScale kUnits[] = {{"us", true, 1e-6},   {"ms", true, 1e-3},      {"s", true, 1},
                                {"m", true, 60},      {"h", true, 3600},       {"B", false, 1},
                                {"KiB", false, 1024}, {"MiB", false, 1048576}, {"GiB", false, 1073741824}};

// What one of the key's own unit is in seconds or bytes; 0 for a number without unit.
double OwnScale(SettingUnit unit) {
  switch (unit) {
    case SettingUnit::kNone:
      return 0;
    case SettingUnit::kSeconds:
      return 1;
    case SettingUnit::kMilliseconds:
      return 1e-3;
    case SettingUnit::kMicroseconds:
      return 1e-6;
    case SettingUnit::kBytes:
      return 1;
    case SettingUnit::kKib:
      return 1024;
    case SettingUnit::kMib:
      return 1048576;
  }
  return 0;
}
bool IsTime(SettingUnit unit) {
  return unit == SettingUnit::kSeconds || unit == SettingUnit::kMilliseconds || unit == SettingUnit::kMicroseconds;
}

std::string AllowedUnits(SettingUnit unit) {
  if (unit == SettingUnit::kNone) return "a bare number";
  return IsTime(unit) ? "us, ms, s, m, h" : "B, KiB, MiB, GiB";
}

// A number in the row's own unit.
Result<double> ParseNumber(const std::string& key, const SettingRow& row, std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || !std::isfinite(value)) {
    return Invalid(key + ": '" + std::string(text) + "' is not a number");
  }
  const std::string_view suffix = Trim({end, static_cast<std::size_t>(text.data() + text.size() - end)});
  if (suffix.empty()) return value;
  for (const UnitScale& unit : kUnits) {
    if (suffix != unit.name) continue;
    if (row.unit == SettingUnit::kNone || unit.is_time != IsTime(row.unit)) break;
    return unit.scale == OwnScale(row.unit) ? value : value * unit.scale / OwnScale(row.unit);
  }
  return Invalid(key + ": unit '" + std::string(suffix) + "' is not one of " + AllowedUnits(row.unit));
}

bool IsAllowed(std::string_view allowed, std::string_view text) {
  while (!allowed.empty()) {
    const std::size_t comma = std::min(allowed.find(','), allowed.size());
    if (Trim(allowed.substr(0, comma)) == text) return true;
    allowed.remove_prefix(std::min(comma + 1, allowed.size()));
  }
  return false;
}

Error NotAllowed(const std::string& key, const SettingRow& row, std::string_view text) {
  return Invalid(key + ": '" + std::string(text) + "' is not one of " + row.allowed);
}

// The keys of the section that a wrong key names, or else the sections.
std::string Suggest(std::span<const SettingSection> sections, std::string_view wrong) {
  const std::string_view section_name = wrong.substr(0, wrong.find('.'));
  std::vector<std::string> same_section, all;
  for (const SettingSection& section : sections) {
    if (std::find(all.begin(), all.end(), section.name) == all.end()) all.emplace_back(section.name);
    if (section.name != section_name) continue;
    for (const SettingRow& row : section.rows) same_section.push_back(std::string(section.name) + "." + row.name);
  }
  if (same_section.empty()) return DidYouMean(section_name, all) + " (sections: " + JoinNames(all) + ")";
  return DidYouMean(wrong, same_section) + " (allowed: " + JoinNames(same_section) + ")";
}

}  // namespace

std::string_view SettingUnitName(SettingUnit unit) {
  switch (unit) {
    case SettingUnit::kNone:
      return "";
    case SettingUnit::kSeconds:
      return "s";
    case SettingUnit::kMilliseconds:
      return "ms";
    case SettingUnit::kMicroseconds:
      return "us";
    case SettingUnit::kBytes:
      return "bytes";
    case SettingUnit::kKib:
      return "KiB";
    case SettingUnit::kMib:
      return "MiB";
  }
  return "";
}

std::vector<Setting> SettingsOf(std::span<const SettingSection> sections) {
  std::vector<Setting> all;
  for (const SettingSection& section : sections)
    for (const SettingRow& row : section.rows) all.push_back({&section, &row});
  return all;
}

Result<Setting> FindSetting(std::span<const SettingSection> sections, std::string_view key) {
  for (const SettingSection& section : sections) {
    const std::string_view name = section.name;
    if (key.size() <= name.size() || !key.starts_with(name) || key[name.size()] != '.') continue;
    for (const SettingRow& row : section.rows)
      if (key.substr(name.size() + 1) == row.name) return Setting{&section, &row};
    for (const SettingRow& row : section.rows)
      if (row.former[0] != '\0' && key.substr(name.size() + 1) == row.former) return Setting{&section, &row};
  }
  return Invalid("unknown key " + std::string(key) + Suggest(sections, key));
}

std::string NumberText(double value) {
  constexpr double kExactWhole = 1e15;
  std::array<char, 32> buffer;
  const bool whole = value == std::floor(value) && std::abs(value) < kExactWhole;
  const auto end = whole ? std::to_chars(buffer.data(), buffer.data() + buffer.size(), static_cast<std::int64_t>(value))
                         : std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return std::string(buffer.data(), end.ptr);
}

std::string_view TypeName(const SettingRow& row) {
  constexpr std::string_view kNames[] = {"number", "count", "text", "switch"};
  if (const auto* other = std::get_if<OtherForm>(&row.member)) return other->type;
  return kNames[row.member.index()];
}

bool IsNumber(const SettingRow& row) { return row.member.index() <= 1; }

std::string RangeText(const SettingRow& row) { return NumberText(row.low) + " … " + NumberText(row.high); }

Result<double> ParseSettingNumber(const std::string& key, const SettingRow& row, std::string_view text) {
  text = Trim(text);
  Result<double> value = ParseNumber(key, row, text);
  if (!value.ok()) return value;
  if (*value < row.low || *value > row.high)
    return Invalid(key + ": " + std::string(text) + " is outside " + RangeText(row) +
                   (row.unit == SettingUnit::kNone ? "" : " " + std::string(SettingUnitName(row.unit))));
  return value;
}

Status AssignSetting(void* whole, const Setting& setting, std::string_view text) {
  const std::string key = setting.Key();
  const SettingRow& row = *setting.row;
  void* const part = setting.section->in(whole);
  text = Trim(text);
  if (const auto* number = std::get_if<double& (*)(void*)>(&row.member)) {
    const Result<double> value = ParseSettingNumber(key, row, text);
    if (!value.ok()) return value.error();
    (*number)(part) = *value;
  } else if (const auto* count = std::get_if<std::uint64_t& (*)(void*)>(&row.member)) {
    const Result<double> value = ParseSettingNumber(key, row, text);
    if (!value.ok()) return value.error();
    // 0.043s is 43 ms, whatever a product of doubles makes of it.
    const double rounded = std::round(*value);
    if (std::abs(*value - rounded) > 1e-9 * std::max(1.0, rounded))
      return Invalid(key + ": " + std::string(text) + " is not whole");
    (*count)(part) = static_cast<std::uint64_t>(rounded);
  } else if (const auto* flag = std::get_if<bool& (*)(void*)>(&row.member)) {
    if (text != "on" && text != "off" && text != "true" && text != "false") return NotAllowed(key, row, text);
    (*flag)(part) = text == "on" || text == "true";
  } else if (const auto* words = std::get_if<std::string& (*)(void*)>(&row.member)) {
    if (row.allowed[0] != '\0' && !IsAllowed(row.allowed, text)) return NotAllowed(key, row, text);
    (*words)(part) = std::string(text);
  } else {
    const Status assigned = std::get<OtherForm>(row.member).assign(part, text);
    if (!assigned.ok()) return Invalid(key + ": " + assigned.error().message);
  }
  return {};
}

std::string SettingText(const void* whole, const Setting& setting) {
  // Nothing is written through it.
  void* const part = setting.section->in(const_cast<void*>(whole));
  const SettingMember& member = setting.row->member;
  if (const auto* number = std::get_if<double& (*)(void*)>(&member)) return NumberText((*number)(part));
  if (const auto* count = std::get_if<std::uint64_t& (*)(void*)>(&member)) return std::to_string((*count)(part));
  if (const auto* flag = std::get_if<bool& (*)(void*)>(&member)) return (*flag)(part) ? "on" : "off";
  if (const auto* words = std::get_if<std::string& (*)(void*)>(&member)) return (*words)(part);
  return std::get<OtherForm>(member).text(part);
}

Status ApplySetting(std::span<const SettingSection> sections, void* whole, std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  const std::string where = "--set " + std::string(assignment) + ": ";
  if (equals == std::string_view::npos) return Invalid(where + "must be key=value");
  const Result<Setting> setting = FindSetting(sections, assignment.substr(0, equals));
  if (!setting.ok()) return Invalid(where + setting.error().message);
  const Status assigned = AssignSetting(whole, *setting, assignment.substr(equals + 1));
  return assigned.ok() ? assigned : Status(Invalid(where + assigned.error().message));
}

}  // namespace prefixmesh
