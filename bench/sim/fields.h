// fields.h — options of a simulation by name: set from "name=value", printed so that they can be set again.
//
// Threads: any; pure functions. Errors: a line that names what is allowed.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/did_you_mean.h"
#include "impl/base/result.h"

namespace prefixmesh::sim {

template <typename Options>
struct Field {
  const char* name;
  double Options::*value;
  double least, most;
};

template <typename Options>
Status SetField(std::span<const Field<Options>> fields, std::string_view assignment, Options& options) {
  const auto equals = assignment.find('=');
  const std::string_view name = assignment.substr(0, equals);
  std::vector<std::string> names;
  for (const Field<Options>& field : fields) {
    names.emplace_back(field.name);
    if (name != field.name) continue;
    const std::string text(equals == std::string_view::npos ? "" : assignment.substr(equals + 1));
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0' || !(value >= field.least) || !(value <= field.most)) {
      char allowed[64];
      std::snprintf(allowed, sizeof allowed, "%g to %g", field.least, field.most);
      return Error{ErrorCode::kInvalid, std::string(field.name) + "='" + text + "': must be a number, " + allowed};
    }
    options.*field.value = value;
    return {};
  }
  return Invalid(UnknownName("fault", name, names));
}

// Those that are not at their default.
template <typename Options>
std::string PrintFields(std::span<const Field<Options>> fields, const Options& options) {
  std::string out;
  const Options defaults;
  for (const Field<Options>& field : fields) {
    if (options.*field.value == defaults.*field.value) continue;
    char text[64];
    std::snprintf(text, sizeof text, "%s%s=%.17g", out.empty() ? "" : ",", field.name, options.*field.value);
    out += text;
  }
  return out;
}

}  // namespace prefixmesh::sim
