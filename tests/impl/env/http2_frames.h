// http2_frames.h — frames and header fields as HTTP/2 writes them, right or wrong, for tests and seeds.
//
// Threads, ownership: values. Bounds: lengths as given; a string of a field has less than 2^21 bytes. Errors: none.
#pragma once

#include <cstdint>
#include <string>

namespace prefixmesh::test::http2 {

inline const std::string kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
inline constexpr std::uint8_t kData = 0, kHeaders = 1, kPriority = 2, kReset = 3, kSettings = 4, kPushPromise = 5,
                              kPing = 6, kGoaway = 7, kWindowUpdate = 8, kContinuation = 9;
inline constexpr std::uint8_t kEndStream = 0x1, kAck = 0x1, kEndHeaders = 0x4, kPadded = 0x8, kHasPriority = 0x20;

// Of four bytes.
inline std::string Number(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

inline std::string Frame(std::uint8_t type, unsigned flags, std::uint32_t stream, const std::string& payload) {
  return Number(static_cast<std::uint32_t>(payload.size())).substr(1) + static_cast<char>(type) +
         static_cast<char>(flags) + Number(stream) + payload;
}

inline std::string Setting(std::uint32_t id, std::uint32_t value) { return Number(id).substr(2) + Number(value); }

// An integer of RFC 7541 behind the bits of `first`.
inline std::string Integer(std::uint8_t first, unsigned prefix_bits, std::uint32_t value) {
  const std::uint32_t full = (1u << prefix_bits) - 1;
  if (value < full) return {static_cast<char>(first | value)};
  std::string bytes = {static_cast<char>(first | full)};
  for (value -= full; value >= 128; value /= 128) bytes += static_cast<char>(value % 128 + 128);
  return bytes + static_cast<char>(value);
}

inline std::string Text(const std::string& text, bool huffman = false) {
  return Integer(huffman ? 0x80 : 0, 7, static_cast<std::uint32_t>(text.size())) + text;
}

inline std::string Literal(const std::string& name, const std::string& value) {
  return std::string(1, '\0') + Text(name) + Text(value);
}
inline std::string Huffman(const std::string& name, const std::string& value) {
  return std::string(1, '\0') + Text(name, true) + Text(value, true);
}
// That goes into the table.
inline std::string Indexed(const std::string& name, const std::string& value) {
  return "\x40" + Text(name) + Text(value);
}
inline std::string Reference(std::uint32_t index) { return Integer(0x80, 7, index); }
inline std::string NamedBy(std::uint32_t index, const std::string& value) {
  return Integer(0x40, 6, index) + Text(value);
}

}  // namespace prefixmesh::test::http2
