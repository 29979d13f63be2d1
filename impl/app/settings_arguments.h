// settings_arguments.h — how a program that plays one role takes its settings: `--settings FILE`, then each
// `--set section.name=value`; --help lists them.
//
// Threads: one. Ownership: borrows sections. Errors: one line with file, line and key. Bounds: settings_file.h.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/whole_file.h"
#include "impl/settings/settings_file.h"

namespace prefixmesh {

class SettingsArguments {
 public:
  // `defaults` is a whole of these sections.
  SettingsArguments(std::span<const SettingSection> sections, const void* defaults)
      : sections_(sections), defaults_(defaults) {}

  void AddTo(CLI::App& app) {
    app.add_option("--settings", file_, "TOML with the sections below; what it leaves out keeps its default");
    app.add_option("--set", overrides_, "section.name=value, after the file; repeat")->allow_extra_args(false);
    app.footer(List());
  }
  Status ReadInto(void* whole) const {
    if (!file_.empty()) {
      const Result<std::string> text = ReadWholeFile(file_, kSettingsFileBytesMax);
      if (!text.ok()) return text.error();
      if (Status read = ReadSettings(*text, file_, sections_, whole); !read.ok()) return read;
    }
    for (const std::string& assignment : overrides_)
      if (Status applied = ApplySetting(sections_, whole, assignment); !applied.ok()) return applied;
    return {};
  }

 private:
  static constexpr std::size_t kColumns = 80, kIndent = 6;

  std::string List() const {
    std::string list = "Settings:";
    for (const Setting& setting : SettingsOf(sections_)) {
      const SettingRow& row = *setting.row;
      const std::string range = IsNumber(row) ? RangeText(row) : row.allowed;
      list += "\n  " + setting.Key() + "=" + SettingText(defaults_, setting);
      list += Wrapped(std::string(row.doc) + (range.empty() ? "" : " (" + range + ")"));
    }
    return list;
  }
  static std::string Wrapped(std::string_view text) {
    std::string out;
    while (!text.empty()) {
      std::size_t end = std::min(text.size(), kColumns - kIndent);
      if (end < text.size())
        if (const std::size_t space = text.rfind(' ', end); space != std::string_view::npos && space > 0) end = space;
      out += "\n" + std::string(kIndent, ' ') + std::string(text.substr(0, end));
      text.remove_prefix(std::min(text.size(), end + 1));
    }
    return out;
  }

  const std::span<const SettingSection> sections_;
  const void* const defaults_;
  std::string file_;
  std::vector<std::string> overrides_;
};

}  // namespace prefixmesh
