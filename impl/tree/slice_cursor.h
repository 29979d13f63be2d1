// slice_cursor.h — walks bytes that lie in several pieces: compares and copies them in place.
//
// Threads: one. Ownership: borrows the slices; a cursor is cheap to copy. Bounds: never past `limit` bytes.
// Errors: none; advancing past the end is a programmer error (CHECK).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "impl/base/check.h"
#include "impl/base/slices.h"

namespace prefixmesh {

// Length of the longest common prefix of two runs of `count` bytes, eight at a time.
inline std::size_t CommonPrefixBytes(const std::uint8_t* a, const std::uint8_t* b, std::size_t count) {
  std::size_t i = 0;
  if constexpr (std::endian::native == std::endian::little) {
    for (; i + 8 <= count; i += 8) {
      std::uint64_t left, right;
      std::memcpy(&left, a + i, 8);
      std::memcpy(&right, b + i, 8);
      if (left != right) return i + static_cast<std::size_t>(std::countr_zero(left ^ right)) / 8;
    }
  }
  while (i < count && a[i] == b[i]) ++i;
  return i;
}

class SliceCursor {
 public:
  // Sees the first `limit` bytes of `slices`; limit ≤ slices.size().
  SliceCursor(const Slices& slices, std::size_t limit) : pieces_(slices.pieces()), remaining_(limit) {
    PREFIXMESH_CHECK(limit <= slices.size());
  }

  std::size_t remaining() const { return remaining_; }

  // How many of the next bytes equal the first bytes of `edge`.
  std::size_t CommonPrefix(Bytes edge) const {
    std::size_t matched = 0;
    std::size_t offset = offset_;
    std::size_t left = remaining_ < edge.size() ? remaining_ : edge.size();
    for (std::size_t i = piece_; left > 0; ++i, offset = 0) {
      const Bytes piece = pieces_[i].subspan(offset);
      const std::size_t take = piece.size() < left ? piece.size() : left;
      const std::size_t common = CommonPrefixBytes(piece.data(), edge.data() + matched, take);
      matched += common;
      if (common < take) break;
      left -= take;
    }
    return matched;
  }

  // The next `count` ≤ remaining() bytes as one run; copied into `scratch` (room for `count`) only when pieces meet.
  const std::uint8_t* Peek(std::size_t count, std::uint8_t* scratch) const {
    if (count > 0 && pieces_[piece_].size() - offset_ >= count) return pieces_[piece_].data() + offset_;
    CopyTo(scratch, count);
    return scratch;
  }

  void CopyTo(std::uint8_t* out, std::size_t count) const {
    PREFIXMESH_CHECK(count <= remaining_);
    std::size_t offset = offset_;
    for (std::size_t i = piece_; count > 0; ++i, offset = 0) {
      const Bytes piece = pieces_[i].subspan(offset);
      const std::size_t take = piece.size() < count ? piece.size() : count;
      std::memcpy(out, piece.data(), take);
      out += take;
      count -= take;
    }
  }

  void Advance(std::size_t count) {
    PREFIXMESH_CHECK(count <= remaining_);
    remaining_ -= count;
    while (count > 0) {
      const std::size_t here = pieces_[piece_].size() - offset_;
      if (count < here) {
        offset_ += count;
        return;
      }
      count -= here;
      ++piece_;
      offset_ = 0;
    }
  }

 private:
  std::span<const Bytes> pieces_;
  std::size_t piece_ = 0;
  std::size_t offset_ = 0;  // into pieces_[piece_]
  std::size_t remaining_;
};

}  // namespace prefixmesh
