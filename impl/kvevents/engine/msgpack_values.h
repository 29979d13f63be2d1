// msgpack_values.h — a msgpack payload as a row of values, read one after the other.
//
// Threads: pure. Ownership: texts and bytes are the payload's. Errors: kCorrupt for what is no msgpack, or has
// something behind it; kTooBig. Bounds: the caller's, of values and of depth; a claimed count allocates nothing. Time:
// none.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "impl/base/result.h"

namespace prefixmesh::kvevents {

// What is in an array or a map follows it.
struct MsgpackValue {
  enum class Type : std::uint8_t { kNil, kBool, kUnsigned, kNegative, kFloat, kText, kBytes, kArray, kMap, kOther };
  Type type = Type::kNil;
  std::uint64_t number = 0;  // of an array or map: how many items, or pairs; of a negative number its bits
  double real = 0;
  std::string_view bytes;  // of the payload
};

struct MsgpackBounds {
  std::size_t values = 0, depth = 0;
};
Result<std::vector<MsgpackValue>> ReadMsgpack(std::string_view payload, const MsgpackBounds& bounds);

// Takes values one after the other; behind the last there is nil.
class MsgpackReader {
 public:
  explicit MsgpackReader(std::span<const MsgpackValue> values) : values_(values) {}

  bool done() const { return at_ >= values_.size(); }
  const MsgpackValue& Peek() const { return done() ? kNothing : values_[at_]; }
  const MsgpackValue& Take() { return done() ? kNothing : values_[at_++]; }
  // The value and all that is in it.
  void Skip();

 private:
  static const MsgpackValue kNothing;
  std::span<const MsgpackValue> values_;
  std::size_t at_ = 0;
};

}  // namespace prefixmesh::kvevents
