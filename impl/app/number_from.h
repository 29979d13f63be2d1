// number_from.h — checks for options that are numbers: finite, in a range, whole where they count something; and for
// names. CLI11's own Range lets NaN through, and names neither the range nor what was given.
#pragma once

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdlib>
#include <string>
#include <string_view>

#include "impl/app/narrow_help.h"

namespace prefixmesh {

inline CLI::Validator NumberFrom(double low, double high, bool whole = false) {
  const auto text = [](double value) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.10g", value);
    return std::string(buffer);
  };
  const std::string range = text(low) + " to " + text(high);
  return {[low, high, whole, range](std::string& given) -> std::string {
            char* end = nullptr;
            const double value = std::strtod(given.c_str(), &end);
            const bool fits = !given.empty() && *end == '\0' && std::isfinite(value) && low <= value && value <= high;
            if (fits && given.find_first_not_of(whole ? "0123456789" : "0123456789.+-eE") == std::string::npos)
              return "";
            return std::string("must be a ") + (whole ? "whole " : "") + "number from " + range + ", not '" +
                   given.substr(0, 40) + "'";
          },
          "[" + range + "]"};
}

inline CLI::Validator WholeFrom(double low, double high) { return NumberFrom(low, high, true); }

// For --help: what a person would call the types, and defaults to the last digit; in 80 columns.
inline void NameTypesForPeople(CLI::App& app) {
  app.formatter(std::make_shared<NarrowHelp>());
  for (CLI::Option* option : app.get_options()) {
    const std::string type = option->get_type_name();
    for (const char* number : {"FLOAT", "UINT", "INT"})
      if (type.rfind(number, 0) == 0) option->type_name("NUMBER");
  }
}
inline std::string DefaultText(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.15g", value);
  return text;
}

// Text that JSON, Prometheus and protobuf take as it is: UTF-8 without control characters.
inline bool IsName(std::string_view name, std::size_t bytes_max) {
  if (name.empty() || name.size() > bytes_max) return false;
  for (std::size_t at = 0; at < name.size();) {
    const auto lead = static_cast<unsigned char>(name[at++]);
    if (lead < 0x20 || lead == 0x7f) return false;
    if (lead < 0x80) continue;
    const std::size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || at + more > name.size()) return false;
    const auto second = static_cast<unsigned char>(name[at]);  // overlong forms, surrogates and above U+10FFFF
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) || (lead == 0xf0 && second < 0x90) ||
        (lead == 0xf4 && second > 0x8f))
      return false;
    for (std::size_t i = 0; i < more; ++i)
      if ((static_cast<unsigned char>(name[at++]) & 0xc0) != 0x80) return false;
  }
  return true;
}

inline std::string NameRule(std::size_t bytes_max) {
  return "a name has 1 to " + std::to_string(bytes_max) + " bytes of UTF-8 without control characters";
}

}  // namespace prefixmesh
