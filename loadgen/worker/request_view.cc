#include "loadgen/worker/request_view.h"

#include <algorithm>

namespace prefixmesh::load {
namespace {

constexpr std::uint64_t kModelBytesMax = 256;

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

}  // namespace

Result<RequestView> ViewRequest(const Slices& body) {
  const Error corrupt{ErrorCode::kCorrupt, "the request body does not decode"};
  RequestView view;
  Cursor cursor(body);
  while (cursor.left() > 0) {
    std::uint64_t tag = 0, value = 0;
    if (!cursor.Varint(tag) || tag >> 3 == 0) return corrupt;
    if (tag == (1 << 3 | 2)) {
      Slices name;
      if (!cursor.Varint(value) || value > kModelBytesMax || !cursor.Run(value, name)) return corrupt;
      view.model.clear();
      name.CopyTo(view.model);
    } else if (tag == (2 << 3 | 0)) {
      if (!cursor.Varint(value) || value > 1) return corrupt;
      view.kind = value == 0 ? Kind::kText : Kind::kTokens;
    } else if (tag == (3 << 3 | 0)) {
      if (!cursor.Varint(view.request_id)) return corrupt;
    } else if (tag == (15 << 3 | 2)) {
      if (!cursor.Varint(value) || !cursor.Run(value, view.prompt)) return corrupt;
    } else if (!SkipField(cursor, tag & 7)) {
      return corrupt;
    }
  }
  return view;
}

}  // namespace prefixmesh::load
