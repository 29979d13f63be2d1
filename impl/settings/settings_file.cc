#include "impl/settings/settings_file.h"

#include <toml++/toml.h>

#include "impl/settings/toml_settings.h"

namespace prefixmesh {

Status ReadSettings(std::string_view text, std::string_view file, std::span<const SettingSection> sections,
                    void* whole) {
  const Result<toml::table> root = ParseToml(text, file);
  if (!root.ok()) return root.error();
  for (const auto& [name, node] : *root) {
    const toml::table* section = node.as_table();
    if (section == nullptr)
      return Invalid(TomlPlace(file, node) + "unknown key " + std::string(name.str()) +
                     " (settings stand in sections)");
    if (Status read = AssignSection(sections, whole, name.str(), *section, file); !read.ok()) return read;
  }
  return {};
}

std::string WriteSettings(std::span<const SettingSection> sections, const void* whole) {
  std::string out;
  std::string_view open;
  for (const SettingSection& section : sections) {
    if (section.name != open) out += "[" + std::string(section.name) + "]\n";
    open = section.name;
    for (const SettingRow& row : section.rows) {
      const std::string value = SettingText(whole, {&section, &row});
      const bool bare = IsNumber(row);
      std::string quoted;
      for (const char c : value) quoted += (c == '"' || c == '\\' ? "\\" : "") + std::string(1, c);
      out += std::string(row.name) + " = " + (bare ? value : "\"" + quoted + "\"") + "\n";
    }
  }
  return out;
}

}  // namespace prefixmesh
