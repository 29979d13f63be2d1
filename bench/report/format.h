// format.h — numbers as people read them, each with its unit; and text made safe for HTML and terminals.
// Threads: any, pure. Errors: none. A missing value is "–", never 0. Bounds: text is as long as what is given.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace prefixmesh::bench {

inline constexpr std::string_view kMissing = "–";

// What a number measures, and so how it is written.
enum class Quantity : std::uint8_t {
  kBytes,           // 48.3 MiB
  kBytesPerSecond,  // 48.3 KiB/s
  kMicroseconds,    // 412 µs, 1.24 ms, 3.10 s
  kMilliseconds,    // the same, from ms
  kSeconds,         // 12.4 s
  kShare,           // 97.12 %
  kPoints,          // +12.4 points, of a share
  kRatio,           // 0.987
  kCount,           // 24,000
  kPerSecond,       // 200.0 /s
};
std::string QuantityText(Quantity quantity, const std::optional<double>& value);

// `path` is dotted; nothing when a part is missing or what it names is not a number (or not text). Never throws.
std::optional<double> NumberAt(const nlohmann::json& json, std::string_view path);
std::string TextAt(const nlohmann::json& json, std::string_view path, std::string_view otherwise = kMissing);
const nlohmann::json& NodeAt(const nlohmann::json& json, std::string_view path);   // null when missing
const nlohmann::json& ArrayAt(const nlohmann::json& json, std::string_view path);  // empty when missing

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
