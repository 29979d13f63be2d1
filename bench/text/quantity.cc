#include "bench/text/quantity.h"

#include <cmath>
#include <cstdio>
#include <iterator>

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
    text.insert(at, 1, ',');
  }
  return text;
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

}  // namespace prefixmesh::bench
