// header_block.h — how large the header blocks of one HTTP/2 connection can become when they are decoded (RFC 7541).
//
// A block of a few bytes may name an entry of 4 KB again and again, so its size on the wire bounds nothing. The
// representations are walked without decoding: a plain string counts its length, a Huffman-coded one the most that it
// can decode to, a reference what the entry that it names counted when it was inserted. The last 128 insertions are
// kept and none is evicted: a decoder's table of 4,096 bytes holds no more (an entry counts 32 bytes beside its text),
// and a reference to one that it has evicted it refuses itself.
//
// Threads: none of its own. Time: none. Bounds: 128 insertions; nothing is allocated. Ownership: values.
// Errors: see Verdict; after another than kGood the connection is lost.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace prefixmesh {

class HeaderBlockMeter {
 public:
  enum class Verdict : std::uint8_t { kGood, kTooBig, kCorrupt };

  // `bytes_max`: of one block, as HTTP/2 counts its list of fields: names, values and 32 bytes each.
  explicit HeaderBlockMeter(std::uint32_t bytes_max) : bytes_max_(bytes_max) {}

  // A block: Begin, its bytes in pieces of any size, End.
  void Begin();
  Verdict Add(std::span<const std::uint8_t> piece);
  Verdict End() const;

  // The most that the block can decode to, as far as it is in.
  std::uint32_t decoded_bytes() const { return decoded_bytes_; }

 private:
  struct Entry {
    std::uint32_t name_bytes, value_bytes;
  };
  enum class Part : std::uint8_t { kField, kName, kValue };

  // True when the integer that this octet belongs to is complete.
  bool TakeOctet(std::uint8_t octet);
  Verdict TakeField();
  Verdict TakeName();
  Verdict TakeValue();
  Verdict Count(std::uint32_t name_bytes, std::uint32_t value_bytes);
  // Null: there is no such entry.
  const Entry* Find(std::uint32_t index) const;
  std::uint32_t DecodedBytes() const;  // of the string whose length was just read

  const std::uint32_t bytes_max_;
  std::uint32_t decoded_bytes_ = 0;
  std::uint32_t fields_ = 0, size_updates_ = 0;  // of this block

  Part part_ = Part::kField;      // whose first integer is under way or comes next
  bool in_integer_ = false;       // its first octet is in
  bool corrupt_ = false;          // an integer was too long
  std::uint8_t first_ = 0;        // that octet
  unsigned shift_ = 0;            // of the next octet of the integer
  std::uint32_t number_ = 0;      // the integer
  std::uint32_t skip_ = 0;        // bytes of a string that are still to come
  bool insert_ = false;           // the field under way goes into the table
  std::uint32_t name_bytes_ = 0;  // of the field under way

  std::array<Entry, 128> inserted_{};
  std::uint64_t insertions_ = 0;
};

}  // namespace prefixmesh
