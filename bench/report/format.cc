#include "bench/report/format.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace prefixmesh::bench {
namespace {

std::string Printed(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

// Three digits that count: 1.24, 12.4, 124.
std::string Three(double value) {
  const double size = std::fabs(value);
  return Printed(size >= 99.95 || value == 0 ? "%.0f" : size >= 9.995 ? "%.1f" : "%.2f", value);
}

std::string BytesText(double bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (std::fabs(bytes) >= 1023.5 && unit + 1 < std::size(kUnits)) {
    bytes /= 1024;
    ++unit;
  }
  return (unit == 0 && bytes == std::floor(bytes) ? Printed("%.0f", bytes) : Three(bytes)) + " " + kUnits[unit];
}

std::string TimeText(double microseconds) {
  const double size = std::fabs(microseconds);
  if (size < 999.5) return Three(microseconds) + " µs";
  return size < 999500 ? Three(microseconds / 1e3) + " ms" : Three(microseconds / 1e6) + " s";
}

// Never "-0.0".
std::string PointsText(double share) {
  const std::string text = Printed("%+.1f", share * 100);
  return (text == "-0.0" || text == "+0.0" ? "0.0" : text) + " points";
}

std::string CountText(double count) {
  if (count != std::floor(count) || std::fabs(count) >= 1e15) return Three(count);
  std::string text = Printed("%.0f", count);
  for (std::size_t at = text.size(); at > (text.front() == '-' ? 4u : 3u);) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

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

std::string QuantityText(Quantity quantity, const std::optional<double>& value) {
  if (!value.has_value() || !std::isfinite(*value)) return std::string(kMissing);
  switch (quantity) {
    case Quantity::kBytes:
      return BytesText(*value);
    case Quantity::kBytesPerSecond:
      return BytesText(*value) + "/s";
    case Quantity::kMicroseconds:
      return TimeText(*value);
    case Quantity::kMilliseconds:
      return TimeText(*value * 1e3);
    case Quantity::kSeconds:
      return Three(*value) + " s";
    case Quantity::kShare:
      return Printed("%.2f %%", *value * 100);
    case Quantity::kPoints:
      return PointsText(*value);
    case Quantity::kRatio:
      return Printed("%.3f", *value);
    case Quantity::kCount:
      return CountText(*value);
    case Quantity::kPerSecond:
      return Printed("%.1f /s", *value);
  }
  return std::string(kMissing);
}

const nlohmann::json& NodeAt(const nlohmann::json& json, std::string_view path) {
  static const nlohmann::json null;
  const nlohmann::json* node = &json;
  while (!path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    if (!node->is_object()) return null;
    const auto found = node->find(std::string(path.substr(0, dot)));
    if (found == node->end()) return null;
    node = &*found;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return *node;
}

const nlohmann::json& ArrayAt(const nlohmann::json& json, std::string_view path) {
  static const nlohmann::json empty = nlohmann::json::array();
  const nlohmann::json& node = NodeAt(json, path);
  return node.is_array() ? node : empty;
}

std::optional<double> NumberAt(const nlohmann::json& json, std::string_view path) {
  const nlohmann::json& node = NodeAt(json, path);
  return node.is_number() ? std::optional<double>(node.get<double>()) : std::nullopt;
}

std::string TextAt(const nlohmann::json& json, std::string_view path, std::string_view otherwise) {
  const nlohmann::json& node = NodeAt(json, path);
  return node.is_string() ? node.get<std::string>() : std::string(otherwise);
}

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
