// varint.h — a bounded writer and reader of little-endian integers, LEB128 varints and length-prefixed bytes.
//
// The reader never reads past its end: the first short or malformed read turns it bad, later reads give zeros, and the
// caller checks `ok()` once. Counts must be checked against `remaining()` before anything is allocated for them.
// Threads: one. Ownership: the reader borrows its bytes; Blob() returns a view into them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "impl/base/slices.h"

namespace prefixmesh {

class ByteWriter {
 public:
  void U8(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void Fixed32(std::uint32_t value) { Fixed(value, 4); }
  void Fixed64(std::uint64_t value) { Fixed(value, 8); }
  void Varint(std::uint64_t value) {
    while (value >= 0x80) {
      out_.push_back(static_cast<char>(value | 0x80));
      value >>= 7;
    }
    out_.push_back(static_cast<char>(value));
  }
  void Raw(std::string_view bytes) { out_.append(bytes); }
  void Blob(std::string_view bytes) {
    Varint(bytes.size());
    Raw(bytes);
  }

  std::size_t size() const { return out_.size(); }
  const std::string& bytes() const { return out_; }
  std::string Take() { return std::move(out_); }

 private:
  void Fixed(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out_.push_back(static_cast<char>(value >> (8 * i)));
  }
  std::string out_;
};

class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) : bytes_(bytes) {}

  std::uint8_t U8() { return static_cast<std::uint8_t>(Fixed(1)); }
  std::uint32_t Fixed32() { return static_cast<std::uint32_t>(Fixed(4)); }
  std::uint64_t Fixed64() { return Fixed(8); }
  std::uint64_t Varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (bytes_.empty()) return Fail();
      const std::uint8_t byte = bytes_.front();
      bytes_ = bytes_.subspan(1);
      if (shift == 63 && byte > 1) return Fail();
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    return Fail();
  }
  Bytes Raw(std::uint64_t count) {
    if (count > bytes_.size()) {
      Fail();
      return {};
    }
    const Bytes taken = bytes_.first(static_cast<std::size_t>(count));
    bytes_ = bytes_.subspan(static_cast<std::size_t>(count));
    return taken;
  }
  std::string_view Blob() { return AsText(Raw(Varint())); }

  bool ok() const { return ok_; }
  std::size_t remaining() const { return bytes_.size(); }
  // True when everything was read and nothing was wrong.
  bool Finished() const { return ok_ && bytes_.empty(); }

 private:
  std::uint64_t Fixed(std::size_t count) {
    if (bytes_.size() < count) return Fail();
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < count; ++i) value |= static_cast<std::uint64_t>(bytes_[i]) << (8 * i);
    bytes_ = bytes_.subspan(count);
    return value;
  }
  std::uint64_t Fail() {
    ok_ = false;
    bytes_ = {};
    return 0;
  }
  Bytes bytes_;
  bool ok_ = true;
};

}  // namespace prefixmesh
