#include "loadgen/app/process_setup.h"

#include <cstdio>

namespace prefixmesh::load {
void PrintError(std::string_view program, std::string_view message) {
  std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(program.size()), program.data(),
               static_cast<int>(message.size()), message.data());
}

}  // namespace prefixmesh::load
