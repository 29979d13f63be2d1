// narrow_help.h — lists and --help in 80 columns.
// Threads: any. Ownership: values. Errors: none; a word that is longer than a line stands on a line of its own.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>

namespace prefixmesh {

inline constexpr std::size_t kHelpColumns = 80;

// `line` broken at blanks, each further line behind `hanging` blanks. A UTF-8 character is one column.
inline std::string FitColumns(std::string_view line, std::size_t hanging, std::size_t columns_max = kHelpColumns) {
  const auto columns = [](std::string_view text) {
    std::size_t count = 0;
    for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
    return count;
  };
  std::string out, current;
  bool begun = false;  // the line has a word
  while (!line.empty()) {
    const std::size_t word_at = std::min(line.find_first_not_of(' '), line.size());
    const std::size_t end = std::min(line.find(' ', word_at), line.size());
    const std::string_view word = line.substr(word_at, end - word_at);
    if (begun && columns(current) + word_at + columns(word) > columns_max) {
      out += current + "\n";
      current = std::string(hanging, ' ');
    } else {
      current += line.substr(0, word_at);
    }
    current += word;
    begun = true;
    line.remove_prefix(end);
  }
  return out + current;
}

class NarrowHelp final : public CLI::Formatter {
 public:
  std::string make_option_desc(const CLI::Option* option) const override {
    return Described(option->get_description());
  }
  std::string make_description(const CLI::App* app) const override {
    return FitColumns(app->get_description(), 0) + "\n";
  }
  std::string make_subcommand(const CLI::App* sub) const override {
    std::ostringstream out;
    CLI::detail::format_help(out, sub->get_name(), Described(sub->get_description()), column_width_);
    return out.str();
  }

 private:
  // CLI11 indents what comes after a newline.
  std::string Described(const std::string& text) const { return FitColumns(text, 0, kHelpColumns - column_width_); }
};

}  // namespace prefixmesh
