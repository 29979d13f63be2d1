#include "bench/result/utc.h"

#include <chrono>
#include <cstdio>
#include <ctime>

namespace prefixmesh::bench {
namespace {

std::string Formatted(std::int64_t unix_s, const char* format) {
  const std::time_t time = static_cast<std::time_t>(unix_s);
  std::tm utc{};
  char text[40];
  return gmtime_r(&time, &utc) != nullptr && std::strftime(text, sizeof text, format, &utc) > 0 ? text : "";
}

}  // namespace

std::string UtcText(std::int64_t unix_s) { return Formatted(unix_s, "%Y-%m-%dT%H:%M:%SZ"); }
std::string UtcCompactText(std::int64_t unix_s) { return Formatted(unix_s, "%Y%m%dT%H%M%SZ"); }

std::optional<std::int64_t> UtcSeconds(const std::string& text) {
  int year = 0, hour = 0, minute = 0, second = 0, end = 0;
  unsigned month = 0, day = 0;
  if (std::sscanf(text.c_str(), "%4d-%2u-%2uT%2d:%2d:%2dZ%n", &year, &month, &day, &hour, &minute, &second, &end) != 6)
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  if (!date.ok()) return std::nullopt;
  const std::int64_t unix_s =
      std::chrono::sys_days(date).time_since_epoch() / std::chrono::seconds(1) + hour * 3600 + minute * 60 + second;
  return UtcText(unix_s) == text ? std::optional(unix_s) : std::nullopt;  // signs, blanks, hour 25
}

}  // namespace prefixmesh::bench
