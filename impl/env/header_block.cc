#include "impl/env/header_block.h"

#include <algorithm>

namespace prefixmesh {
namespace {

constexpr std::uint32_t kFieldOverheadBytes = 32;
constexpr std::uint32_t kStaticEntries = 61;
// What gRPC's decoder starts with; no port announces another size.
constexpr std::uint32_t kTableBytesMax = 4096;
constexpr std::uint32_t kSizeUpdatesMax = 2;
// Octets behind the first: integers up to 2^28. No length or index here comes near.
constexpr unsigned kShiftMax = 21;

}  // namespace

void HeaderBlockMeter::Begin() {
  decoded_bytes_ = fields_ = size_updates_ = 0;
  part_ = Part::kField;
}

HeaderBlockMeter::Verdict HeaderBlockMeter::Add(std::span<const std::uint8_t> piece) {
  while (!piece.empty()) {
    if (skip_ > 0) {
      const std::size_t skipped = std::min<std::size_t>(skip_, piece.size());
      skip_ -= static_cast<std::uint32_t>(skipped);
      piece = piece.subspan(skipped);
      continue;
    }
    const bool complete = TakeOctet(piece.front());
    piece = piece.subspan(1);
    if (corrupt_) return Verdict::kCorrupt;
    if (!complete) continue;
    const Verdict verdict = part_ == Part::kField ? TakeField() : part_ == Part::kName ? TakeName() : TakeValue();
    if (verdict != Verdict::kGood) return verdict;
  }
  return Verdict::kGood;
}

HeaderBlockMeter::Verdict HeaderBlockMeter::End() const {
  return part_ == Part::kField && !in_integer_ && skip_ == 0 ? Verdict::kGood : Verdict::kCorrupt;
}

bool HeaderBlockMeter::TakeOctet(std::uint8_t octet) {
  if (in_integer_) {
    number_ += std::uint32_t{octet & 0x7fu} << shift_;
    shift_ += 7;
    in_integer_ = (octet & 0x80) != 0;
    corrupt_ = in_integer_ && shift_ > kShiftMax;
    return !in_integer_;
  }
  std::uint8_t prefix = 0x7f;
  if (part_ == Part::kField) {
    if ((octet & 0x80) != 0) {
      prefix = 0x7f;
    } else if ((octet & 0x40) != 0) {
      prefix = 0x3f;
    } else if ((octet & 0x20) != 0) {
      prefix = 0x1f;
    } else {
      prefix = 0x0f;
    }
  }
  first_ = octet;
  number_ = octet & prefix;
  shift_ = 0;
  in_integer_ = number_ == prefix;
  return !in_integer_;
}

HeaderBlockMeter::Verdict HeaderBlockMeter::TakeField() {
  if ((first_ & 0x80) != 0) {  // a field of the table
    const Entry* entry = Find(number_);
    return entry == nullptr ? Verdict::kCorrupt : Count(entry->name_bytes, entry->value_bytes);
  }
  if ((first_ & 0xe0) == 0x20) {  // a new size of the table
    const bool good = fields_ == 0 && ++size_updates_ <= kSizeUpdatesMax && number_ <= kTableBytesMax;
    return good ? Verdict::kGood : Verdict::kCorrupt;
  }
  insert_ = (first_ & 0x40) != 0;
  part_ = number_ == 0 ? Part::kName : Part::kValue;
  if (number_ == 0) return Verdict::kGood;
  const Entry* entry = Find(number_);
  if (entry == nullptr) return Verdict::kCorrupt;
  name_bytes_ = entry->name_bytes;
  return Verdict::kGood;
}

HeaderBlockMeter::Verdict HeaderBlockMeter::TakeName() {
  name_bytes_ = DecodedBytes();
  skip_ = number_;
  part_ = Part::kValue;
  return name_bytes_ > bytes_max_ ? Verdict::kTooBig : Verdict::kGood;
}

HeaderBlockMeter::Verdict HeaderBlockMeter::TakeValue() {
  const std::uint32_t value_bytes = DecodedBytes();
  skip_ = number_;
  part_ = Part::kField;
  if (insert_) inserted_[insertions_++ % inserted_.size()] = {name_bytes_, value_bytes};
  return Count(name_bytes_, value_bytes);
}

HeaderBlockMeter::Verdict HeaderBlockMeter::Count(std::uint32_t name_bytes, std::uint32_t value_bytes) {
  ++fields_;
  const std::uint64_t decoded = std::uint64_t{decoded_bytes_} + name_bytes + value_bytes + kFieldOverheadBytes;
  if (decoded > bytes_max_) return Verdict::kTooBig;
  decoded_bytes_ = static_cast<std::uint32_t>(decoded);
  return Verdict::kGood;
}

const HeaderBlockMeter::Entry* HeaderBlockMeter::Find(std::uint32_t index) const {
  // The longest name and the longest value of the static table.
  static constexpr Entry kStatic{27, 13};
  if (index == 0) return nullptr;
  if (index <= kStaticEntries) return &kStatic;
  const std::uint32_t back = index - kStaticEntries;  // 1: the newest
  if (back > std::min<std::uint64_t>(insertions_, inserted_.size())) return nullptr;
  return &inserted_[(insertions_ - back) % inserted_.size()];
}

std::uint32_t HeaderBlockMeter::DecodedBytes() const {
  // The shortest Huffman code has 5 bits.
  return (first_ & 0x80) == 0 ? number_ : (number_ * 8 + 4) / 5;
}

}  // namespace prefixmesh
