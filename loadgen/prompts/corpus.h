// corpus.h — the immutable bytes all prompts are cut from, and the slices that cut them.
//
// One buffer of text with word structure: words from a vocabulary of 16,384 made-up words of 2 to 12 letters, drawn by
// a Zipf law, with sentence and paragraph ends. LZ4 takes an 80,000-char prompt of it to 1 / 2.0 … 1 / 2.3 of its size
// (measured 2.1, tests/loadgen/prompts/corpus_test.cc), which is what real text gives; the original's filler of twelve
// words gives 4.4 and makes designs that store text look good. For tokens the same law draws 32-bit token numbers
// below 131,072, little endian. Behind the text lie markers: short unique strings that make equal-looking prompts
// differ.
//
//   | text, 8 MiB, the same for every seed | marker 0 | marker 1 | … |        Slice = (offset, bytes) into this
//
// Threads: const use from any thread after the plan is built. Ownership: the corpus owns the bytes; Slices borrow them.
// Errors: none. Bounds: offsets fit 32 bits, so text and markers together stay below 4 GiB (CHECK).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "impl/base/ids.h"
#include "impl/base/prng.h"
#include "impl/base/slices.h"

namespace prefixmesh::load {

struct Slice {
  std::uint32_t offset = 0;
  std::uint32_t bytes = 0;
  friend bool operator==(const Slice&, const Slice&) = default;
};

inline constexpr std::uint32_t kCorpusTextBytes = 8u << 20;
inline constexpr std::uint32_t kMarkerBytes = 32;
// A piece of a prompt is cut into slices of at most this size, each from a place of its own.
inline constexpr std::uint32_t kSliceBytesMax = 16u << 10;

class Corpus {
 public:
  explicit Corpus(Kind kind);

  // Adds a marker that no other marker and no text equals, cut to `bytes_max`. Two markers differ within their first
  // 16 bytes.
  Slice AddMarker(std::uint32_t bytes_max = kMarkerBytes);

  // Appends slices of `bytes` bytes at drawn places to `out`. No single slice is longer than kSliceBytesMax.
  void AppendText(std::uint64_t bytes, Prng& prng, std::vector<Slice>& out) const;

  // A marker and text, `bytes` in all: a piece that no other prompt has.
  void AppendUnique(std::uint64_t bytes, Prng& prng, std::vector<Slice>& out);

  Bytes At(Slice slice) const { return AsBytes(bytes_).subspan(slice.offset, slice.bytes); }
  Kind kind() const { return kind_; }
  std::size_t size() const { return bytes_.size(); }

 private:
  Kind kind_;
  std::uint64_t markers_ = 0;
  std::string bytes_;
};

}  // namespace prefixmesh::load
