// setting.h — start here for settings: what a user may set by `section.name`, in a file, with --set, in every program.
//
//   struct Rounds { double round_ms = 50; };                  its default
//   inline constexpr SettingRow kRows[] = {                   all else about it
//       Number<&Rounds::round_ms>("round_ms", 1, 60000, "time between two rounds")};
//
// A part of the system has a struct of its settings and a row for each; a program puts the parts that it needs together
// as sections (SettingSection). The unit is the last word of a name. Files, --set, the lists and the range checks all
// walk the rows, so what has a row exists everywhere.
//
// Threads: constant data and pure functions. Units: a setting's own; text may carry another one of the same kind (us,
// ms, s, m, h; B, KiB, MiB, GiB), which is converted. Ownership: none. Errors: kInvalid, one line that begins with the
// key; callers add where it stood. Bounds: every number has a range.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "impl/base/result.h"

namespace prefixmesh {

enum class SettingUnit : std::uint8_t { kNone, kSeconds, kMilliseconds, kMicroseconds, kBytes, kKib, kMib };
std::string_view SettingUnitName(SettingUnit unit);

// The last word of a name: round_ms is in milliseconds.
constexpr SettingUnit UnitOfName(std::string_view name) {
  constexpr std::pair<std::string_view, SettingUnit> kWords[] = {
      {"_s", SettingUnit::kSeconds},   {"_ms", SettingUnit::kMilliseconds}, {"_bytes", SettingUnit::kBytes},
      {"_kib", SettingUnit::kKib},     {"_mib", SettingUnit::kMib},         {"_us", SettingUnit::kMicroseconds},
      {"_chars", SettingUnit::kBytes},
  };
  for (const auto& [word, unit] : kWords)
    if (name.ends_with(word)) return unit;
  return SettingUnit::kNone;
}

// How a row reaches its member: by the struct that its section holds.
struct OtherForm {  // what is none of the simple kinds
  Status (*assign)(void* part, std::string_view text);
  std::string (*text)(const void* part);
  const char* type;
};
using SettingMember =
    std::variant<double& (*)(void*), std::uint64_t& (*)(void*), std::string& (*)(void*), bool& (*)(void*), OtherForm>;

struct SettingRow {
  const char* name;  // within its section
  SettingMember member;
  SettingUnit unit = SettingUnit::kNone;
  double low = 0, high = 0;  // numbers: the smallest and the largest allowed value, in the setting's own unit
  const char* allowed = "";  // text: the allowed values, comma separated; empty means any. Other forms: how it looks
  const char* doc = "";
  const char* former = "";  // the name it had before, which is still read
};

namespace internal {
template <typename>
struct MemberOf;
template <typename Part, typename Value>
struct MemberOf<Value Part::*> {
  using PartType = Part;
  using ValueType = Value;
};
// A reference to the member in the part that `part` points to.
template <auto member>
typename MemberOf<decltype(member)>::ValueType& Reach(void* part) {
  return static_cast<typename MemberOf<decltype(member)>::PartType*>(part)->*member;
}
}  // namespace internal

template <auto member>
constexpr SettingRow Number(const char* name, double low, double high, const char* doc,
                            SettingUnit unit = SettingUnit::kNone) {
  return {name,
          SettingMember(&internal::Reach<member>),
          unit == SettingUnit::kNone ? UnitOfName(name) : unit,
          low,
          high,
          "",
          doc};
}
template <auto member>
constexpr SettingRow Text(const char* name, const char* allowed, const char* doc) {
  return {name, SettingMember(&internal::Reach<member>), SettingUnit::kNone, 0, 0, allowed, doc};
}
template <auto member>
constexpr SettingRow Switch(const char* name, const char* doc) {
  return {name, SettingMember(&internal::Reach<member>), SettingUnit::kNone, 0, 0, "on, off", doc};
}

constexpr SettingRow Formerly(const char* former, SettingRow row) {
  row.former = former;
  return row;
}

// One part's settings in a whole of several.
struct SettingSection {
  const char* name;
  std::span<const SettingRow> rows;
  void* (*in)(void* whole);  // the part's struct
};
template <typename Whole, auto member>
constexpr SettingSection SectionOf(const char* name, std::span<const SettingRow> rows) {
  return {name, rows, [](void* whole) -> void* { return &(static_cast<Whole*>(whole)->*member); }};
}

// One setting of a whole.
struct Setting {
  const SettingSection* section = nullptr;
  const SettingRow* row = nullptr;
  std::string Key() const { return std::string(section->name) + "." + row->name; }
};
// All of them, in the order of the sections.
std::vector<Setting> SettingsOf(std::span<const SettingSection> sections);
// `key`: section.name. kInvalid for one that there is none of, with those that are most like it.
Result<Setting> FindSetting(std::span<const SettingSection> sections, std::string_view key);

// Sets the member from its text form. A number may carry a unit, which is converted into the setting's own.
Status AssignSetting(void* whole, const Setting& setting, std::string_view text);
// The text form: what AssignSetting reads back to the same value.
std::string SettingText(const void* whole, const Setting& setting);

// `key=value`, as in --set.
Status ApplySetting(std::span<const SettingSection> sections, void* whole, std::string_view assignment);

std::string RangeText(const SettingRow& row);
// number, count (a whole one), text, switch, or the name of another form.
std::string_view TypeName(const SettingRow& row);
bool IsNumber(const SettingRow& row);  // also a whole one
// The shortest text that reads back to the same; whole numbers without an exponent.
std::string NumberText(double value);
// A number in the row's own unit and range.
Result<double> ParseSettingNumber(const std::string& key, const SettingRow& row, std::string_view text);

}  // namespace prefixmesh
