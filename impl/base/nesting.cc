#include "impl/base/nesting.h"

#include <algorithm>
#include <array>
#include <string>

namespace prefixmesh {
namespace {

// The first byte behind the string that opens at `at`; the text's size if it does not end.
std::size_t SkipString(std::string_view text, std::size_t at) {
  const char quote = text[at];
  const std::string_view triple = quote == '"' ? "\"\"\"" : "'''";
  const bool lines = text.substr(at).starts_with(triple);
  for (at += lines ? 3 : 1; at < text.size(); ++at) {
    if (text[at] == '\\' && quote == '"') {
      ++at;
    } else if (lines ? text.substr(at).starts_with(triple) : text[at] == quote) {
      at += lines ? 3 : 1;
      // Up to two more quotes belong to a triple-quoted string.
      for (int i = 0; lines && i < 2 && at < text.size() && text[at] == quote; ++i) ++at;
      return at;
    }
  }
  return text.size();
}

}  // namespace

Status CheckNesting(std::string_view text) {
  std::array<std::size_t, kNestingMax> outer{};  // levels outside of each open bracket
  std::size_t open = 0, base = 0, dots = 0;
  for (std::size_t at = 0; at < text.size();) {
    switch (text[at]) {
      case '"':
      case '\'':
        at = SkipString(text, at);
        continue;
      case '#':
        at = std::min(text.find('\n', at), text.size());
        continue;
      case '.':
        ++dots;
        break;
      case ',':
      case '\n':
        dots = 0;
        break;
      case '[':
      case '{':
        if (base + dots < kNestingMax) outer[open++] = base;  // open <= base, so there is room
        base += dots + 1;
        dots = 0;
        break;
      case ']':
      case '}':
        if (open > 0) base = outer[--open];
        dots = 0;
        break;
      default:
        break;
    }
    if (base + dots > kNestingMax)
      return Error{ErrorCode::kTooBig, "nested deeper than " + std::to_string(kNestingMax) + " levels"};
    ++at;
  }
  return {};
}

}  // namespace prefixmesh
