// value_codec.h — a value of the first generation's store: an operation list in its envelope, as bincode or, at #655,
// as JSON, the prompt twice.
//
// Threads: pure functions. Ownership: values out, bytes in are borrowed for the call. Time: none. Errors: those of the
// formats. Bounds: those of the bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "impl/base/function_ref.h"
#include "impl/base/result.h"
#include "impl/base/slices.h"
#include "impl/wire/bincode.h"

namespace prefixmesh::generations {

enum class ValueForm : std::uint8_t { kBincode, kJson };

std::string EncodeValue(ValueForm form, const TreeState& list, std::uint64_t version);
// The list, each part a copy; nothing where the value has none.
std::optional<TreeState> DecodeValue(ValueForm form, Bytes value);

struct ValueHeader {
  bool is_list = false;  // else the rest is not looked into
  std::string model_id;
  std::uint64_t version = 0;
  std::uint64_t operations = 0;
};
Result<ValueHeader> CheckValue(ValueForm form, Bytes value);
// Of a value that CheckValue took, in place.
void ForEachOperation(ValueForm form, Bytes value,
                      FunctionRef<void(std::string_view model, const OperationView& operation)> sink);

}  // namespace prefixmesh::generations
