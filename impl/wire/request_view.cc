#include "impl/wire/request_view.h"

#include <algorithm>

namespace prefixmesh {
namespace {

// Walks the pieces of a body from front to back.
class Cursor {
 public:
  explicit Cursor(const Slices& body) : pieces_(body.pieces()), left_(body.size()) {}

  std::size_t left() const { return left_; }

  bool Byte(std::uint8_t& out) {
    const Bytes run = Take(1);
    if (run.empty()) return false;
    out = run[0];
    return true;
  }
  bool Varint(std::uint64_t& out) {
    out = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      std::uint8_t byte = 0;
      if (!Byte(byte)) return false;
      out |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return true;
    }
    return false;
  }
  // The next `count` bytes as pieces.
  bool Run(std::uint64_t count, Slices& out) {
    out.Clear();
    if (count > left_) return false;
    while (count > 0) {
      const Bytes run = Take(static_cast<std::size_t>(count));
      out.Append(run);
      count -= run.size();
    }
    return true;
  }
  bool Skip(std::uint64_t count) {
    Slices ignored;
    return Run(count, ignored);
  }

 private:
  // At most `most` bytes that lie in one piece.
  Bytes Take(std::size_t most) {
    while (at_ < pieces_.size() && offset_ == pieces_[at_].size()) {
      ++at_;
      offset_ = 0;
    }
    if (at_ == pieces_.size()) return {};
    const Bytes run = pieces_[at_].subspan(offset_, std::min(most, pieces_[at_].size() - offset_));
    offset_ += run.size();
    left_ -= run.size();
    return run;
  }

  std::span<const Bytes> pieces_;
  std::size_t at_ = 0, offset_ = 0, left_;
};

bool SkipField(Cursor& cursor, std::uint64_t wire_type) {
  std::uint64_t value = 0;
  switch (wire_type) {
    case 0:
      return cursor.Varint(value);
    case 1:
      return cursor.Skip(8);
    case 2:
      return cursor.Varint(value) && cursor.Skip(value);
    case 5:
      return cursor.Skip(4);
    default:
      return false;  // groups are not written any more
  }
}

Error Corrupt() { return {ErrorCode::kCorrupt, "the request does not decode"}; }

Status ReadName(Cursor& cursor, std::string& name) {
  std::uint64_t bytes = 0;
  if (!cursor.Varint(bytes)) return Corrupt();
  if (bytes > kRequestNameBytesMax) return Error{ErrorCode::kTooBig, "a name is longer than 256 bytes"};
  Slices pieces;
  if (!cursor.Run(bytes, pieces)) return Corrupt();
  name.clear();
  pieces.CopyTo(name);
  return {};
}

// A field's number and wire type, as they stand before its value.
constexpr std::uint64_t Varint(std::uint64_t field) { return field << 3 | 0; }
constexpr std::uint64_t Length(std::uint64_t field) { return field << 3 | 2; }

}  // namespace

Result<RequestView> ViewRequest(const Slices& body) {
  RequestView view;
  Cursor cursor(body);
  while (cursor.left() > 0) {
    std::uint64_t tag = 0, value = 0;
    if (!cursor.Varint(tag) || tag >> 3 == 0) return Corrupt();
    if (tag == Length(1)) {
      if (Status read = ReadName(cursor, view.model); !read.ok()) return read.error();
    } else if (tag == Varint(2)) {
      if (!cursor.Varint(value)) return Corrupt();
      if (value > 1) return Error{ErrorCode::kInvalid, "unknown prompt kind " + std::to_string(value)};
      view.kind = static_cast<Kind>(value);
    } else if (tag == Varint(3)) {
      if (!cursor.Varint(view.request_id)) return Corrupt();
    } else if (tag == Length(3)) {
      if (Status read = ReadName(cursor, view.worker); !read.ok()) return read.error();
    } else if (tag == Length(4)) {
      if (Status read = ReadName(cursor, view.lora); !read.ok()) return read.error();
    } else if (tag == Length(5)) {
      if (Status read = ReadName(cursor, view.salt); !read.ok()) return read.error();
    } else if (tag == Length(15)) {
      if (!cursor.Varint(value) || !cursor.Run(value, view.prompt)) return Corrupt();
    } else if (!SkipField(cursor, tag & 7)) {
      return Corrupt();
    }
  }
  return view;
}

}  // namespace prefixmesh
