#include "impl/settings/toml_settings.h"

#include <charconv>

#include "impl/base/nesting.h"
#include "impl/settings/settings_file.h"

namespace prefixmesh {

Result<toml::table> ParseToml(std::string_view text, std::string_view file) {
  if (text.size() > kSettingsFileBytesMax) return Error{ErrorCode::kTooBig, std::string(file) + ": above 1 MiB"};
  if (Status nesting = CheckNesting(text); !nesting.ok())
    return Invalid(std::string(file) + ": " + nesting.error().message);
  try {
    return toml::parse(text, file);
  } catch (const toml::parse_error& error) {  // the packaged library is built with exceptions; they end here
    return Invalid(std::string(file) + ":" + std::to_string(error.source().begin.line) + ": " +
                   std::string(error.description()));
  }
}

std::string TomlPlace(std::string_view file, const toml::node& node) {
  return std::string(file) + ":" + std::to_string(node.source().begin.line) + ": ";
}

Result<std::string> TomlText(const toml::node& node) {
  if (const auto text = node.as_string()) return text->get();
  if (const auto whole = node.as_integer()) return std::to_string(whole->get());
  if (const auto flag = node.as_boolean()) return std::string(flag->get() ? "on" : "off");
  if (const auto number = node.as_floating_point()) {
    char buffer[32];
    return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, number->get()).ptr);
  }
  if (const auto list = node.as_array()) {
    std::string joined;
    for (const toml::node& item : *list) {
      const Result<std::string> text = item.is_array() ? Invalid("nested list") : TomlText(item);
      if (!text.ok()) return text;
      if (!joined.empty()) joined += ", ";
      joined += *text;
    }
    return joined;
  }
  return Invalid("neither text, number, switch nor list");
}

Status AssignSection(std::span<const SettingSection> sections, void* whole, std::string_view section,
                     const toml::table& table, std::string_view file) {
  for (const auto& [name, node] : table) {
    const std::string key = std::string(section) + "." + std::string(name.str());
    const Result<Setting> setting = FindSetting(sections, key);
    if (!setting.ok()) return Invalid(TomlPlace(file, node) + setting.error().message);
    const Result<std::string> text = TomlText(node);
    if (!text.ok()) return Invalid(TomlPlace(file, node) + key + ": " + text.error().message);
    const Status assigned = AssignSetting(whole, *setting, *text);
    if (!assigned.ok()) return Invalid(TomlPlace(file, node) + assigned.error().message);
  }
  return {};
}

}  // namespace prefixmesh
