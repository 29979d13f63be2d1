#include "bench/text/safe_text.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <utility>

namespace prefixmesh::bench {
namespace {

// The length of the UTF-8 sequence at the front, 0 when there is none.
std::size_t SequenceBytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t size = byte(0) < 0x80                      ? 1
                           : byte(0) >= 0xc2 && byte(0) < 0xe0 ? 2
                           : (byte(0) & 0xf0) == 0xe0          ? 3
                           : byte(0) >= 0xf0 && byte(0) < 0xf5 ? 4
                                                               : 0;
  if (size == 0 || size > text.size()) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if (size == 3 && ((byte(0) == 0xe0 && byte(1) < 0xa0) || (byte(0) == 0xed && byte(1) >= 0xa0))) return 0;
  if (size == 4 && ((byte(0) == 0xf0 && byte(1) < 0x90) || (byte(0) == 0xf4 && byte(1) >= 0x90))) return 0;
  return size;
}

}  // namespace

bool IsFileName(std::string_view text) {
  return !text.empty() && text.size() <= 200 && text.front() != '.' &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; });
}

std::string EscapeHtml(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t size = SequenceBytes(text);
    const char c = text.front();
    if (size == 0) {
      out += "\xEF\xBF\xBD";
    } else if (size > 1) {
      out += text.substr(0, size);
    } else if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (c == '\'') {
      out += "&#39;";
    } else if ((c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t') {
      out += c;
    } else {
      out += "\xEF\xBF\xBD";
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

std::string TerminalText(std::string_view text, std::size_t columns_max) {
  // What this program writes itself; µ is all that a terminal is trusted with beside ASCII.
  static constexpr std::pair<std::string_view, std::string_view> kKnown[] = {{"µ", "µ"}, {"·", "-"}, {"–", "-"},
                                                                             {"−", "-"}, {"×", "x"}, {"…", ".."}};
  std::string out;
  while (!text.empty()) {
    const std::size_t size = SequenceBytes(text);
    const char c = text.front();
    const auto known = std::find_if(std::begin(kKnown), std::end(kKnown),
                                    [&](const auto& each) { return text.starts_with(each.first); });
    if (known != std::end(kKnown)) {
      out += known->second;
    } else {
      out += size == 1 && c >= 0x20 && c < 0x7f ? c : '?';
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  if (Columns(out) <= columns_max) return out;
  const std::string_view dots = columns_max > 2 ? ".." : "";
  while (Columns(out) + dots.size() > columns_max) {
    while ((static_cast<unsigned char>(out.back()) & 0xc0) == 0x80) out.pop_back();
    out.pop_back();
  }
  return out.append(dots);
}

std::string Shortened(std::string_view text, std::size_t columns_max) {
  if (Columns(text) <= columns_max) return std::string(text);
  std::size_t columns = 0, end = 0;
  for (; end < text.size(); ++end) {
    if ((static_cast<unsigned char>(text[end]) & 0xc0) != 0x80 && ++columns == columns_max) break;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::size_t Columns(std::string_view text) {
  std::size_t columns = 0;
  for (const char c : text) columns += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
  return columns;
}

}  // namespace prefixmesh::bench
