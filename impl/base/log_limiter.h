// log_limiter.h — at most one line per key and period, so that nobody who causes a line can flood the log.
//
// The first line of a key is written at once; those that follow within the period are counted, and the next one that is
// written says how many they were. Threads: none of its own. Bounds: kKeysMax keys; later ones share one.
// Ownership: values. Errors: none. Time: comes in.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace prefixmesh {

class LogLimiter {
 public:
  static constexpr std::size_t kKeysMax = 256;

  explicit LogLimiter(std::chrono::nanoseconds period = std::chrono::seconds(10)) : period_(period) {}

  // How many lines of this key were held back since the last one, if this one may be written; nullopt: hold it back.
  std::optional<std::uint64_t> Allow(std::string_view key, std::chrono::nanoseconds now) {
    if (keys_.size() >= kKeysMax && keys_.find(key) == keys_.end()) key = "";
    const auto [at, is_new] = keys_.try_emplace(std::string(key));
    Entry& entry = at->second;
    if (!is_new && now - entry.written_at < period_) {
      ++entry.held_back;
      return std::nullopt;
    }
    entry.written_at = now;
    return std::exchange(entry.held_back, 0);
  }

 private:
  struct Entry {
    std::chrono::nanoseconds written_at{0};
    std::uint64_t held_back = 0;
  };
  const std::chrono::nanoseconds period_;
  std::map<std::string, Entry, std::less<>> keys_;
};

// What goes behind a line that was allowed: empty, or how many like it were held back.
inline std::string HeldBackNote(std::uint64_t held_back) {
  return held_back == 0 ? "" : " (and " + std::to_string(held_back) + " more like it since the last such line)";
}

}  // namespace prefixmesh
