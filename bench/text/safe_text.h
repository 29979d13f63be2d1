// safe_text.h — text of anybody made safe for HTML, terminals and paths, and cut to columns.
// Threads: any, pure. Errors: none. Bounds: text is as long as what is given.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace prefixmesh::bench {

// Letters, digits, - _ and dots that do not begin it: what may be part of a path.
bool IsFileName(std::string_view text);

// & < > " ' and control characters; bytes that are not UTF-8 become U+FFFD.
std::string EscapeHtml(std::string_view text);
// One line of printable ASCII of at most `columns_max`; the rest becomes '?'.
std::string TerminalText(std::string_view text, std::size_t columns_max);
// At most `columns_max` code points, the last one then an ellipsis.
std::string Shortened(std::string_view text, std::size_t columns_max);
// Columns a text of ours takes: its code points.
std::size_t Columns(std::string_view text);

}  // namespace prefixmesh::bench
