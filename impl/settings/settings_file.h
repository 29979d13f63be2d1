// settings_file.h — settings in a TOML file: `[section]` with `name = value`.
//
// A program that reads a file of its own uses ReadSettings; a scenario has more than sections, so its reader walks the
// file and gives each section to AssignSection.
//
// Threads: any. Ownership: values. Errors: one line with file, line and key; kTooBig, kNotFound from the file. Bounds:
// kSettingsFileBytesMax, and nested kNestingMax levels deep at most, before it is parsed.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "impl/base/result.h"
#include "impl/settings/setting.h"

namespace prefixmesh {

inline constexpr std::size_t kSettingsFileBytesMax = 1u << 20;

// `text` of the file `file`, into `whole`.
Status ReadSettings(std::string_view text, std::string_view file, std::span<const SettingSection> sections,
                    void* whole);
// All settings of `whole`, as a file has them. Sections of one name stand one after another.
std::string WriteSettings(std::span<const SettingSection> sections, const void* whole);

}  // namespace prefixmesh
