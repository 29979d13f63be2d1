// number_from.h — a check for options that are numbers: finite, and in a range. CLI11's own Range lets NaN through.
#pragma once

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdlib>
#include <string>

namespace prefixmesh {

inline CLI::Validator NumberFrom(double low, double high) {
  const auto text = [](double value) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.10g", value);
    return std::string(buffer);
  };
  const std::string range = text(low) + " to " + text(high);
  return {[low, high, range](std::string& given) -> std::string {
            char* end = nullptr;
            const double value = std::strtod(given.c_str(), &end);
            if (!given.empty() && *end == '\0' && std::isfinite(value) && low <= value && value <= high) return "";
            return "must be a number from " + range + ", not '" + given.substr(0, 40) + "'";
          },
          "[" + range + "]"};
}

}  // namespace prefixmesh
