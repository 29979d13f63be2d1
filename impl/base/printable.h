// printable.h — text of strangers for one line of a log: what a worker or peer says must not look like our own words.
// Threads: pure. Errors: none. Bounds: at most `bytes_max` bytes and an ellipsis.
#pragma once

#include <string>
#include <string_view>

namespace prefixmesh {

// Every byte that is not printable ASCII is a '?', line ends and escapes among them.
inline std::string Printable(std::string_view text, std::size_t bytes_max = 200) {
  std::string out(text.substr(0, bytes_max));
  for (char& c : out)
    if (c < 0x20 || c == 0x7f) c = '?';
  return text.size() > bytes_max ? out + "..." : out;
}

}  // namespace prefixmesh
