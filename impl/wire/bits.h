// bits.h — bit-packed writing and reading, and the Rice code for sorted 64-bit hashes.
//
// n sorted uniform 64-bit values cost about 64 − log2(n) + 1.5 bits each when their differences are Rice-coded with the
// parameter RiceParameter(n): within 0.1 bit of the entropy of the set (Rice and Plaunt, IEEE Trans. Comm. 19(6),
// 1971). The reader is bounded: past the end it turns bad and gives zeros. Threads: one. Ownership: borrows (reader).
#pragma once

#include <bit>
#include <cstdint>
#include <string>

#include "impl/base/slices.h"

namespace prefixmesh {

class BitWriter {
 public:
  // Appends to `out`, least significant bit first.
  explicit BitWriter(std::string& out) : out_(out) {}
  void Bits(std::uint64_t value, unsigned count) {
    while (count > 0) {
      const unsigned take = count < 8 - used_ ? count : 8 - used_;
      current_ = static_cast<std::uint8_t>(current_ | ((value & ((1u << take) - 1)) << used_));
      value = take < 64 ? value >> take : 0;
      used_ += take;
      count -= take;
      if (used_ == 8) Flush();
    }
  }
  void Unary(std::uint64_t value) {
    for (; value > 0; --value) Bits(1, 1);
    Bits(0, 1);
  }
  // Pads the last byte with zeros.
  void Finish() {
    if (used_ > 0) Flush();
  }

 private:
  void Flush() {
    out_.push_back(static_cast<char>(current_));
    current_ = 0;
    used_ = 0;
  }
  std::string& out_;
  std::uint8_t current_ = 0;
  unsigned used_ = 0;
};

class BitReader {
 public:
  explicit BitReader(Bytes bytes) : bytes_(bytes) {}
  std::uint64_t Bits(unsigned count) {
    std::uint64_t value = 0;
    for (unsigned done = 0; done < count;) {
      if (at_ / 8 >= bytes_.size()) {
        ok_ = false;
        return 0;
      }
      const unsigned in_byte = static_cast<unsigned>(at_ % 8);
      const unsigned take = count - done < 8 - in_byte ? count - done : 8 - in_byte;
      const std::uint64_t part = (bytes_[at_ / 8] >> in_byte) & ((1u << take) - 1);
      value |= part << done;
      done += take;
      at_ += take;
    }
    return value;
  }
  // A run of ones of at most `limit`; longer ones turn the reader bad.
  std::uint64_t Unary(std::uint64_t limit) {
    std::uint64_t value = 0;
    while (Bits(1) == 1) {
      if (++value > limit) ok_ = false;
      if (!ok_) return 0;
    }
    return value;
  }
  bool ok() const { return ok_; }
  std::size_t bits_left() const { return bytes_.size() * 8 - at_; }
  std::size_t bytes_used() const { return (at_ + 7) / 8; }

 private:
  Bytes bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

// Low bits kept whole for the differences of `count` sorted uniform 64-bit values.
inline unsigned RiceParameter(std::uint64_t count) {
  const auto bits = static_cast<unsigned>(std::bit_width(count));
  return count < 2 ? 64 : 64 - bits;
}

inline void WriteRice(BitWriter& writer, std::uint64_t value, unsigned parameter) {
  if (parameter < 64) writer.Unary(value >> parameter);
  writer.Bits(value, parameter);
}

inline std::uint64_t ReadRice(BitReader& reader, unsigned parameter) {
  if (parameter >= 64) return reader.Bits(64);
  const std::uint64_t quotient_max = (std::uint64_t{1} << (64 - parameter)) - 1;
  const std::uint64_t quotient = reader.Unary(quotient_max);
  return quotient << parameter | reader.Bits(parameter);
}

}  // namespace prefixmesh
