// toml_settings.h — settings out of TOML that has been parsed. Included by readers of files only: toml++ is a large
// header.
//
// Threads: any. Ownership: values. Errors: one line with file, line and key. Bounds: settings_file.h.
#pragma once

#include <toml++/toml.h>

#include <span>
#include <string>
#include <string_view>

#include "impl/base/result.h"
#include "impl/settings/setting.h"

namespace prefixmesh {

Result<toml::table> ParseToml(std::string_view text, std::string_view file);
// "file:12: "
std::string TomlPlace(std::string_view file, const toml::node& node);
// The text form of a value, as --set would write it: text, number, switch, or a list of those.
Result<std::string> TomlText(const toml::node& node);
// Every `name = value` of a section.
Status AssignSection(std::span<const SettingSection> sections, void* whole, std::string_view section,
                     const toml::table& table, std::string_view file);

}  // namespace prefixmesh
