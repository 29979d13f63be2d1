// cursor.h — reads an expression from left to right: names, tokens, blanks. Shared by field_value.cc and slo.cc.
// Threads: one. Ownership: borrows the text. Errors: none; what is not there is not taken.
#pragma once

#include <string>
#include <string_view>

namespace prefixmesh::bench {

// Hostile text may be quoted in an error: one line, printable, not long.
inline std::string Quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, 60)) out += c >= 0x20 && c < 0x7f ? c : '?';
  return out + (text.size() > 60 ? "…'" : "'");
}

class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}
  void SkipSpace() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
  }
  bool Take(std::string_view token) {
    SkipSpace();
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  std::string_view TakeName() {
    std::size_t end = 0;
    const auto is_name = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    };
    while (end < rest_.size() && is_name(rest_[end])) ++end;
    return TakeBytes(end);
  }
  std::string_view TakeBytes(std::size_t count) {
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

}  // namespace prefixmesh::bench
