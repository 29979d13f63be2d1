#include "bench/ab/table_text.h"

#include <algorithm>

#include "bench/text/quantity.h"
#include "bench/text/safe_text.h"

namespace prefixmesh::bench::ab {

std::string Left(const std::string& text, std::size_t width) {
  return text + std::string(width > Columns(text) ? width - Columns(text) : 1, ' ');
}
std::string Right(const std::string& text, std::size_t width) {
  return std::string(width > Columns(text) ? width - Columns(text) : 1, ' ') + text;
}

std::string Wrapped(const std::string& text) {
  std::string out, line = "  ";
  const std::string printable = TerminalText(text, 1000);
  for (std::size_t at = 0; at < printable.size();) {
    const std::size_t end = std::min({printable.find(' ', at), printable.size(), at + kColumnsMax - 2});
    const std::string word = printable.substr(at, end - at);
    at = end < printable.size() && printable[end] == ' ' ? end + 1 : end;
    if (line.size() + 1 + word.size() > kColumnsMax && line != "  ") {
      out += line + "\n";
      line = "  ";
    }
    line += (line == "  " ? "" : " ") + word;
  }
  return out + (line == "  " ? "" : line + "\n");
}

std::string Words(std::string_view verdict) {
  std::string words(verdict);
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

std::string ValueText(const ReadableMetric& metric, const std::optional<double>& value) {
  return value.has_value() ? QuantityText(metric.quantity, value) : "-";
}

}  // namespace prefixmesh::bench::ab
