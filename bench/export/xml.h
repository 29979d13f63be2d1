// xml.h — text inside XML 1.0. Threads: pure. Ownership: values. Errors: none; characters that XML has not become '?'.
#pragma once

#include <string>
#include <string_view>

namespace prefixmesh::bench {

// For element and attribute text.
inline std::string Xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(c) >= 0x20 ? c : '?';
    }
  }
  return out;
}

}  // namespace prefixmesh::bench
