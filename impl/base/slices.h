// slices.h — bytes that lie in several pieces, as a request body arrives from the network or leaves a corpus.
//
// Bodies are hashed, measured and forwarded in place; nothing here copies except CopyTo and Contiguous.
// Threads: const use from any thread. Ownership: borrowed; the pieces must outlive the view. Bounds: sizes fit 32 bits
// per body (the transport's message limit is far below).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace prefixmesh {

using Bytes = std::span<const std::uint8_t>;

inline Bytes AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view AsText(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

class Slices {
 public:
  Slices() = default;
  // The common case of one contiguous piece.
  explicit Slices(Bytes only) { Append(only); }

  void Append(Bytes piece) {
    if (piece.empty()) return;
    pieces_.push_back(piece);
    size_ += piece.size();
  }
  void Clear() {
    pieces_.clear();
    size_ = 0;
  }

  std::size_t size() const { return size_; }
  std::span<const Bytes> pieces() const { return pieces_; }

  // Appends the first `count` bytes (all by default) to `out`.
  void CopyTo(std::string& out, std::size_t count = SIZE_MAX) const {
    count = count < size_ ? count : size_;
    out.reserve(out.size() + count);
    for (const Bytes piece : pieces_) {
      if (count == 0) break;
      const std::size_t take = piece.size() < count ? piece.size() : count;
      out.append(AsText(piece.first(take)));
      count -= take;
    }
  }

 private:
  std::vector<Bytes> pieces_;
  std::size_t size_ = 0;
};

}  // namespace prefixmesh
