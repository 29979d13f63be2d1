// settings_table.h — one row per key: how text becomes a member of Settings and back. The only list of keys there is.
//
// Files, overrides, JSON, `list settings` and the range checks all walk this table, so a key added here exists
// everywhere. Threads: constant data. Errors: Assign returns one line without the file; callers add where it stood.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "impl/base/result.h"
#include "loadgen/plan/settings.h"

namespace prefixmesh::load {

enum class Unit { kNone, kSeconds, kMilliseconds, kMicroseconds, kBytes, kKib, kMib };

using MemberRef = std::variant<double& (*)(Settings&), std::uint64_t& (*)(Settings&), std::string& (*)(Settings&),
                               bool& (*)(Settings&), std::vector<Stage>& (*)(Settings&)>;

struct SettingKey {
  const char* key;
  MemberRef member;
  Unit unit;
  double low;  // numbers: smallest and largest allowed value, in the key's own unit
  double high;
  const char* allowed;  // text: the allowed values, comma separated; empty means any
  const char* doc;
};

std::span<const SettingKey> SettingKeys();
const SettingKey* FindSettingKey(std::string_view key);

// Sets the member from its text form. A number may carry a unit, which is converted into the key's own.
Status AssignSetting(Settings& settings, const SettingKey& key, std::string_view text);

// The text form: what AssignSetting reads back to the same value.
std::string SettingText(const Settings& settings, const SettingKey& key);

const char* UnitName(Unit unit);

}  // namespace prefixmesh::load
