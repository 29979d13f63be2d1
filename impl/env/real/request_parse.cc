#include "impl/env/real/request_parse.h"

namespace prefixmesh {
namespace {

constexpr std::size_t kNameBytesMax = 256;

// Walks bytes that lie in several pieces.
class Cursor {
 public:
  explicit Cursor(const std::vector<grpc::Slice>& slices) {
    for (const grpc::Slice& slice : slices) all_.Append({slice.begin(), slice.size()});
    left_ = all_.size();
  }
  std::size_t left() const { return left_; }

  bool Varint(std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t* byte = Next();
      if (byte == nullptr) return false;
      value |= static_cast<std::uint64_t>(*byte & 0x7f) << shift;
      if ((*byte & 0x80) == 0) return true;
    }
    return false;
  }
  // Hands out the next `count` bytes, piece by piece.
  template <typename Take>
  bool Bytes(std::uint64_t count, Take&& take) {
    if (count > left_) return false;
    while (count > 0) {
      const prefixmesh::Bytes piece = all_.pieces()[piece_].subspan(at_);
      const std::size_t part = piece.size() < count ? piece.size() : static_cast<std::size_t>(count);
      take(piece.first(part));
      Advance(part);
      count -= part;
    }
    return true;
  }

 private:
  const std::uint8_t* Next() {
    if (left_ == 0) return nullptr;
    const std::uint8_t* byte = &all_.pieces()[piece_][at_];
    Advance(1);
    return byte;
  }
  void Advance(std::size_t count) {
    left_ -= count;
    at_ += count;
    if (at_ < all_.pieces()[piece_].size()) return;
    at_ = 0;
    ++piece_;
  }
  Slices all_;
  std::size_t piece_ = 0, at_ = 0, left_ = 0;
};

Error Corrupt() { return {ErrorCode::kCorrupt, "the request message does not decode"}; }

}  // namespace

Result<ParsedRequest> ParseRequest(const grpc::ByteBuffer& buffer) {
  ParsedRequest request;
  if (!buffer.Dump(&request.slices).ok()) return Corrupt();
  Cursor cursor(request.slices);
  while (cursor.left() > 0) {
    std::uint64_t tag = 0, value = 0;
    if (!cursor.Varint(tag)) return Corrupt();
    const std::uint64_t field = tag >> 3;
    if (field == 0) return Corrupt();
    switch (tag & 7) {
      case 0:
        if (!cursor.Varint(value)) return Corrupt();
        if (field == 2) {
          if (value > 1) return Error{ErrorCode::kInvalid, "unknown prompt kind " + std::to_string(value)};
          request.kind = static_cast<Kind>(value);
        }
        // Field 3 is the request id of a GenerateRequest, and length-delimited in a ProbeRequest.
        if (field == 3) request.request_id = value;
        break;
      case 1:
        if (!cursor.Bytes(8, [](Bytes) {})) return Corrupt();
        break;
      case 5:
        if (!cursor.Bytes(4, [](Bytes) {})) return Corrupt();
        break;
      case 2: {
        if (!cursor.Varint(value)) return Corrupt();
        if (field == 15) {
          request.prompt.Clear();
          if (!cursor.Bytes(value, [&](Bytes piece) { request.prompt.Append(piece); })) return Corrupt();
        } else if (field == 1 || field == 3) {
          if (value > kNameBytesMax) return Error{ErrorCode::kTooBig, "a name is longer than 256 bytes"};
          std::string& name = field == 1 ? request.model : request.worker;
          name.clear();
          if (!cursor.Bytes(value, [&](Bytes piece) { name.append(AsText(piece)); })) return Corrupt();
        } else if (!cursor.Bytes(value, [](Bytes) {})) {
          return Corrupt();
        }
        break;
      }
      default:
        return Corrupt();
    }
  }
  return request;
}

}  // namespace prefixmesh
