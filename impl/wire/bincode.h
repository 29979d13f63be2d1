// bincode.h — the bytes of the generations: bincode 1.3 with fixed-width little-endian integers.
//
// string, vec = u64 length, then the items · enum tag = u32 · u64 = 8 bytes · u32 token = 4 bytes
//   insert text    0 0 text tenant      24 + text + tenant
//   insert tokens  0 1 tokens tenant    24 + 4·tokens + tenant
//   remove         1 tenant             12 + tenant
//   TreeStateDelta model ops base new   32 + model + Σops
//   TreeState      model ops version    24 + model + Σops
//
// Golden bytes made with the original Rust types: tests/vectors/generations.json.
//
// Threads: a set of values and pure functions. Ownership: values in, values out.
// Errors:  decoders answer kCorrupt for bytes that are short, have an unknown tag or are followed by more; a declared
//          count is held against the bytes present before anything is allocated for it. Strings need not be UTF-8.
// Bounds:  a view takes nothing; a decoded value a few times its input (an operation is at least 12 bytes and 72 in
//          memory).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/ids.h"
#include "impl/base/result.h"
#include "impl/base/slices.h"
#include "impl/base/varint.h"

namespace prefixmesh::generations {

// One change of a tree, as every generation up to the sixth sent it: with the whole prompt.
struct TreeOperation {
  enum class Type : std::uint8_t { kInsert, kRemove };
  Type type = Type::kInsert;
  Kind kind = Kind::kText;
  std::string prompt;  // text bytes, or tokens as 4 little-endian bytes each (a multiple of 4); empty for kRemove
  std::string tenant;  // the worker's url

  friend bool operator==(const TreeOperation&, const TreeOperation&) = default;
};

// The operations that take a tree from one version to another.
struct TreeStateDelta {
  std::string model_id;
  std::vector<TreeOperation> operations;
  std::uint64_t base_version = 0;
  std::uint64_t new_version = 0;

  friend bool operator==(const TreeStateDelta&, const TreeStateDelta&) = default;
};

// The operation list of one model. Append forgets the oldest half beyond the cap (H14); the version keeps counting.
struct TreeState {
  static constexpr std::size_t kOperationsMax = 2048;

  std::string model_id;
  std::vector<TreeOperation> operations;
  std::uint64_t version = 0;

  // operations_max: SIZE_MAX for no cap (H14 fixed).
  void Append(TreeOperation operation, std::size_t operations_max = kOperationsMax);

  friend bool operator==(const TreeState&, const TreeState&) = default;
};

std::size_t EncodedBytes(const TreeOperation& operation);
std::string Encode(const TreeStateDelta& delta);
std::string Encode(const TreeState& state);
// The whole value, each part a copy: several times its bytes. For what this router made itself; what peers send is read
// through the views below.
Result<TreeStateDelta> DecodeTreeStateDelta(Bytes bytes);
Result<TreeState> DecodeTreeState(Bytes bytes);

// ---- views: what a peer's bytes say of themselves, checked whole, nothing copied. The bytes must outlive the view.

// One operation, borrowed.
struct OperationView {
  TreeOperation::Type type = TreeOperation::Type::kInsert;
  Kind kind = Kind::kText;
  std::string_view prompt;
  std::string_view tenant;
};

inline OperationView ViewOf(const TreeOperation& operation) {
  return {operation.type, operation.kind, operation.prompt, operation.tenant};
}

// False when the bytes are no operation; the reader may then be anywhere.
bool ReadOperation(ByteReader& reader, OperationView& view);

// Operations one behind the other, oldest first. Made by the functions below, so that reading them cannot fail.
struct OperationList {
  std::uint64_t count = 0;
  Bytes bytes;

  template <typename F>
  void ForEach(F&& f) const {
    ByteReader reader(bytes);
    for (OperationView view; reader.remaining() > 0 && ReadOperation(reader, view);) f(view);
  }
  // The newest `kept` of them.
  OperationList Last(std::uint64_t kept) const;
};

struct DeltaView {
  std::string_view model_id;
  OperationList operations;
  std::uint64_t base_version = 0;
  std::uint64_t new_version = 0;
};
struct StateView {
  std::string_view model_id;
  OperationList operations;
  std::uint64_t version = 0;
};
Result<DeltaView> ViewTreeStateDelta(Bytes bytes);
Result<StateView> ViewTreeState(Bytes bytes);
// Their decoder took a value and did not look at what follows it; this is for where that matters (X9).
Result<StateView> ViewTreeStatePrefix(Bytes bytes);

// Operations one behind the other, as a list has them.
std::string EncodeOperations(std::span<const TreeOperation> operations);
// The encoded list of `older` with each of `newer` appended (TreeState::Append), in one allocation of its size.
std::string EncodeJoined(std::string_view model_id, const OperationList& older, const OperationList& newer,
                         std::uint64_t version, std::size_t operations_max);
// The same in place, in time of `newer` alone. False: the list would be above the cap, or `state` is no list; nothing
// changed.
bool AppendToEncoded(std::string& state, const OperationList& newer, std::size_t operations_max);
// How many of a list are left when so many were appended to it one at a time.
std::uint64_t KeptOf(std::uint64_t operations, std::uint64_t appended, std::size_t operations_max);

// ---- for the other codecs of this format

class BincodeWriter {
 public:
  explicit BincodeWriter(std::size_t bytes) { out_.reserve(bytes); }
  void Tag(std::uint32_t value) { Fixed(value, 4); }
  void U64(std::uint64_t value) { Fixed(value, 8); }
  void String(std::string_view bytes) {
    U64(bytes.size());
    out_.append(bytes);
  }
  void Raw(std::string_view bytes) { out_.append(bytes); }
  void Raw(Bytes bytes) { out_.append(AsText(bytes)); }
  std::string Take() { return std::move(out_); }

 private:
  void Fixed(std::uint64_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) out_.push_back(static_cast<char>(value >> (8 * i)));
  }
  std::string out_;
};

inline constexpr std::size_t kInsertBytes = 24;  // besides prompt and tenant
void WriteOperation(BincodeWriter& writer, const OperationView& operation);

// A string, borrowed from the reader's bytes.
inline std::string_view ReadString(ByteReader& reader) { return AsText(reader.Raw(reader.Fixed64())); }

// A count of items of at least `bytes_each`; false when the bytes present cannot carry so many.
inline bool ReadCount(ByteReader& reader, std::size_t bytes_each, std::size_t& count) {
  const std::uint64_t declared = reader.Fixed64();
  if (!reader.ok() || declared > reader.remaining() / bytes_each) return false;
  count = static_cast<std::size_t>(declared);
  return true;
}

}  // namespace prefixmesh::generations
