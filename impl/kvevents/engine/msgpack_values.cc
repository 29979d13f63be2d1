#include "impl/kvevents/engine/msgpack_values.h"

#define MSGPACK_NO_BOOST
#include <msgpack.hpp>

namespace prefixmesh::kvevents {
namespace {

class Collect final : public msgpack::null_visitor {
 public:
  Collect(std::vector<MsgpackValue>& values, const MsgpackBounds& bounds) : values_(values), bounds_(bounds) {}

  bool visit_nil() { return Add({}); }
  bool visit_boolean(bool value) { return Add({MsgpackValue::Type::kBool, value, 0, {}}); }
  bool visit_positive_integer(std::uint64_t value) { return Add({MsgpackValue::Type::kUnsigned, value, 0, {}}); }
  bool visit_negative_integer(std::int64_t value) {
    return Add({MsgpackValue::Type::kNegative, static_cast<std::uint64_t>(value), 0, {}});
  }
  bool visit_float32(float value) { return Add({MsgpackValue::Type::kFloat, 0, static_cast<double>(value), {}}); }
  bool visit_float64(double value) { return Add({MsgpackValue::Type::kFloat, 0, value, {}}); }
  bool visit_str(const char* data, std::uint32_t size) { return Add({MsgpackValue::Type::kText, 0, 0, {data, size}}); }
  bool visit_bin(const char* data, std::uint32_t size) { return Add({MsgpackValue::Type::kBytes, 0, 0, {data, size}}); }
  bool visit_ext(const char* data, std::uint32_t size) { return Add({MsgpackValue::Type::kOther, 0, 0, {data, size}}); }
  bool start_array(std::uint32_t count) { return Enter(MsgpackValue::Type::kArray, count); }
  bool end_array() { return Leave(); }
  bool start_map(std::uint32_t count) { return Enter(MsgpackValue::Type::kMap, count); }
  bool end_map() { return Leave(); }
  void parse_error(std::size_t, std::size_t) { broken = true; }
  void insufficient_bytes(std::size_t, std::size_t) { broken = true; }

  bool broken = false, too_big = false;

 private:
  bool Add(const MsgpackValue& value) {
    too_big = too_big || values_.size() >= bounds_.values;
    if (!too_big) values_.push_back(value);
    return !too_big;
  }
  bool Enter(MsgpackValue::Type type, std::uint32_t count) {
    too_big = too_big || ++depth_ > bounds_.depth;
    return Add({type, count, 0, {}});
  }
  bool Leave() {
    --depth_;
    return true;
  }
  std::vector<MsgpackValue>& values_;
  const MsgpackBounds bounds_;
  std::size_t depth_ = 0;
};

}  // namespace

Result<std::vector<MsgpackValue>> ReadMsgpack(std::string_view payload, const MsgpackBounds& bounds) {
  std::vector<MsgpackValue> values;
  Collect collect(values, bounds);
  std::size_t end = 0;
  const bool whole = msgpack::parse(payload.data(), payload.size(), end, collect);
  if (collect.too_big) return Error{ErrorCode::kTooBig, "too many values, or too deep"};
  if (!whole || collect.broken || end != payload.size()) return Error{ErrorCode::kCorrupt, "is not msgpack"};
  return values;
}

const MsgpackValue MsgpackReader::kNothing{};

void MsgpackReader::Skip() {
  std::uint64_t left = 1;
  while (left > 0 && !done()) {
    const MsgpackValue& value = Take();
    --left;
    if (value.type == MsgpackValue::Type::kArray) left += value.number;
    if (value.type == MsgpackValue::Type::kMap) left += 2 * value.number;
  }
}

}  // namespace prefixmesh::kvevents
