// json_ops.h — the operations of the generations as JSON: the same values as bincode.h.
//
//   operation    {"Insert":{"key":{"Text":"…"},"tenant":"…"}}
//                {"Insert":{"key":{"Tokens":[1,2]},"tenant":"…"}}
//                {"Remove":{"tenant":"…"}}
//   with text    {"Insert":{"key":{"Text":"…"},"text":"…","tenant":"…"}}     the prompt twice: the new field, the old
//                {"Insert":{"key":{"Tokens":[1,2]},"text":"","tenant":"…"}}  one
//   TreeState    {"model_id":"…","operations":[…],"version":7}
//   PolicyState  {"model_id":"…","policy_type":"…","config":[123,34,…],"version":7}   the config as decimal numbers
//
// The wire of the first generation before #809 is the form with text: twice in the list and 3.58 bytes for each byte in
// the envelope, 7.17 bytes per char of a prompt. Both forms are read, and an insert that has the old field alone; where
// there is a key, the text is not looked at. Only this order of fields, without spaces, is read: this is no general
// JSON, for prompts are any bytes, and a JSON library refuses or changes those that are no UTF-8.
//
// Threads: pure functions. Ownership: values. Errors: kCorrupt for anything else; numbers are held against their types.
// Bounds: to check takes the model's name; an operation at most twice its bytes; a decoded list a few times its input.
// Strings are bytes: what is not ASCII passes as it is.
#pragma once

#include <string>

#include "impl/base/function_ref.h"
#include "impl/base/result.h"
#include "impl/base/slices.h"
#include "impl/wire/bincode.h"
#include "impl/wire/policy_state.h"

namespace prefixmesh::generations {

enum class JsonForm : std::uint8_t { kKey, kKeyAndText };
std::string EncodeJson(const TreeState& state, JsonForm form);
std::string EncodeJson(const PolicyState& state);
// The envelope is a copy, at most half of the bytes long.
Result<PolicyState> DecodeJsonPolicyState(Bytes bytes);
// The whole list, each part a copy: for what this router made itself.
Result<TreeState> DecodeJsonTreeState(Bytes bytes);

// A peer's list, checked whole; its operations are put together one at a time.
struct JsonStateHeader {
  std::string model_id;
  std::uint64_t operations = 0;
  std::uint64_t version = 0;
};
Result<JsonStateHeader> CheckJsonTreeState(Bytes bytes);
// Oldest first; CheckJsonTreeState took the bytes.
void ForEachJsonOperation(Bytes bytes, FunctionRef<void(const OperationView& operation)> sink);

}  // namespace prefixmesh::generations
