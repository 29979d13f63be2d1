// builtin.h — the scenario files of this folder as text inside the library (embed.cmake writes the .cc at build time).
// Threads: constant data. Order: the one of the list in loadgen/CMakeLists.txt.
#pragma once

#include <span>
#include <string_view>

namespace prefixmesh::load {

struct BuiltinScenario {
  std::string_view name;
  std::string_view toml;
};

std::span<const BuiltinScenario> BuiltinScenarios();

}  // namespace prefixmesh::load
