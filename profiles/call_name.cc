#include "profiles/call_name.h"

#include "bench/text/safe_text.h"

namespace prefixmesh::profiles {

std::string CallName(std::string_view call) {
  std::string out;
  int depth = 0;
  for (const char c : call.substr(0, call.rfind(" ("))) {
    if (c == '<') ++depth;
    if (c == '(' && depth == 0) break;
    if (depth == 0) out += c == ' ' ? '_' : c;
    if (c == '>' && depth > 0) --depth;
  }
  const std::size_t file = call.rfind(" (");
  return bench::TerminalText(file == std::string_view::npos ? out : out + std::string(call.substr(file)), kCallNameMax);
}

}  // namespace prefixmesh::profiles
