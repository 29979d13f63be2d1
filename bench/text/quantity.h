// quantity.h — start here for text: numbers as people read them, each with its unit. Beside it text made safe for HTML,
// terminals and paths (safe_text.h).
// Threads: any, pure. Errors: none. A missing value is "–", never 0.
#pragma once

#include <cstdint>
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

}  // namespace prefixmesh::bench
