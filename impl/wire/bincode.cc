#include "impl/wire/bincode.h"

#include <algorithm>
#include <utility>

#include "impl/base/check.h"

namespace prefixmesh::generations {
namespace {

constexpr std::uint32_t kInsertTag = 0, kRemoveTag = 1;  // TreeOperation
constexpr std::uint32_t kTextTag = 0, kTokensTag = 1;    // TreeKey
constexpr std::size_t kOperationBytesMin = 12;           // a remove of ""

struct OperationView {
  TreeOperation::Type type = TreeOperation::Type::kInsert;
  Kind kind = Kind::kText;
  std::string_view prompt;
  std::string_view tenant;
};

// False when the bytes are no operation; the reader may then be anywhere.
bool ReadOperation(ByteReader& reader, OperationView& view) {
  view = {};
  const std::uint32_t tag = reader.Fixed32();
  if (tag == kInsertTag) {
    const std::uint32_t key = reader.Fixed32();
    if (key == kTextTag) {
      view.prompt = ReadString(reader);
    } else if (key == kTokensTag) {
      view.kind = Kind::kTokens;
      const std::uint64_t tokens = reader.Fixed64();
      if (tokens > reader.remaining() / kBytesPerToken) return false;
      view.prompt = AsText(reader.Raw(tokens * kBytesPerToken));
    } else {
      return false;
    }
  } else if (tag == kRemoveTag) {
    view.type = TreeOperation::Type::kRemove;
  } else {
    return false;
  }
  view.tenant = ReadString(reader);
  return reader.ok();
}

// Reads the counted list and hands each operation to `sink`; false when the bytes are no such list.
template <typename Start, typename Sink>
bool ReadOperations(ByteReader& reader, Start&& start, Sink&& sink) {
  std::size_t count = 0;
  if (!ReadCount(reader, kOperationBytesMin, count)) return false;
  start(count);
  OperationView view;
  for (std::size_t i = 0; i < count; ++i) {
    if (!ReadOperation(reader, view)) return false;
    sink(view);
  }
  return true;
}

bool ReadOwnedOperations(ByteReader& reader, std::vector<TreeOperation>& out) {
  return ReadOperations(
      reader, [&](std::size_t count) { out.reserve(count); },
      [&](const OperationView& view) {
        out.push_back({view.type, view.kind, std::string(view.prompt), std::string(view.tenant)});
      });
}

bool SkipOperations(ByteReader& reader, std::uint64_t& count) {
  return ReadOperations(
      reader, [&](std::size_t declared) { count = declared; }, [](const OperationView&) {});
}

std::size_t EncodedBytes(std::span<const TreeOperation> operations) {
  std::size_t bytes = 8;
  for (const TreeOperation& operation : operations) bytes += generations::EncodedBytes(operation);
  return bytes;
}

void Write(BincodeWriter& writer, const TreeOperation& operation) {
  if (operation.type == TreeOperation::Type::kRemove) {
    writer.Tag(kRemoveTag);
  } else {
    writer.Tag(kInsertTag);
    if (operation.kind == Kind::kText) {
      writer.Tag(kTextTag);
      writer.U64(operation.prompt.size());
    } else {
      PREFIXMESH_CHECK(operation.prompt.size() % kBytesPerToken == 0);
      writer.Tag(kTokensTag);
      writer.U64(operation.prompt.size() / kBytesPerToken);
    }
    writer.Raw(operation.prompt);
  }
  writer.String(operation.tenant);
}

void Write(BincodeWriter& writer, const std::vector<TreeOperation>& operations) {
  writer.U64(operations.size());
  for (const TreeOperation& operation : operations) Write(writer, operation);
}

Error Corrupt(const char* what) { return {ErrorCode::kCorrupt, std::string(what) + " does not decode"}; }

}  // namespace

void TreeState::Append(TreeOperation operation, std::size_t operations_max) {
  operations.push_back(std::move(operation));
  ++version;
  if (operations.size() > operations_max) {
    operations.erase(operations.begin(), operations.end() - static_cast<std::ptrdiff_t>(operations_max / 2));
  }
}

bool AppendToEncoded(std::string& state, std::span<const TreeOperation> operations, std::size_t operations_max) {
  constexpr std::size_t kU64Bytes = 8;
  ByteReader reader(AsBytes(state));
  const std::size_t count_at = kU64Bytes + ReadString(reader).size();
  const std::uint64_t count = reader.Fixed64();
  if (!reader.ok() || reader.remaining() < kU64Bytes || count + operations.size() > operations_max) return false;
  ByteReader tail(AsBytes(state).last(kU64Bytes));
  const std::uint64_t version = tail.Fixed64();

  BincodeWriter counted(kU64Bytes);
  counted.U64(count + operations.size());
  state.replace(count_at, kU64Bytes, counted.Take());
  state.resize(state.size() - kU64Bytes);
  BincodeWriter more(EncodedBytes(operations) + kU64Bytes);
  for (const TreeOperation& operation : operations) Write(more, operation);
  more.U64(version + operations.size());
  state += more.Take();
  return true;
}

std::size_t EncodedBytes(const TreeOperation& operation) {
  return (operation.type == TreeOperation::Type::kRemove ? 12 : 24) + operation.prompt.size() + operation.tenant.size();
}

std::string Encode(const TreeStateDelta& delta) {
  BincodeWriter writer(24 + delta.model_id.size() + EncodedBytes(delta.operations));
  writer.String(delta.model_id);
  Write(writer, delta.operations);
  writer.U64(delta.base_version);
  writer.U64(delta.new_version);
  return writer.Take();
}

std::string Encode(const TreeState& state) {
  BincodeWriter writer(16 + state.model_id.size() + EncodedBytes(state.operations));
  writer.String(state.model_id);
  Write(writer, state.operations);
  writer.U64(state.version);
  return writer.Take();
}

Result<TreeStateDelta> DecodeTreeStateDelta(Bytes bytes) {
  ByteReader reader(bytes);
  TreeStateDelta delta;
  delta.model_id = ReadString(reader);
  if (!ReadOwnedOperations(reader, delta.operations)) return Corrupt("tree_state_delta");
  delta.base_version = reader.Fixed64();
  delta.new_version = reader.Fixed64();
  if (!reader.Finished()) return Corrupt("tree_state_delta");
  return delta;
}

namespace {

Result<TreeState> ReadTreeState(ByteReader& reader) {
  TreeState state;
  state.model_id = ReadString(reader);
  if (!ReadOwnedOperations(reader, state.operations)) return Corrupt("tree_state");
  state.version = reader.Fixed64();
  if (!reader.ok()) return Corrupt("tree_state");
  return state;
}

}  // namespace

Result<TreeState> DecodeTreeState(Bytes bytes) {
  ByteReader reader(bytes);
  Result<TreeState> state = ReadTreeState(reader);
  if (state.ok() && !reader.Finished()) return Corrupt("tree_state");
  return state;
}

Result<TreeState> DecodeTreeStatePrefix(Bytes bytes) {
  ByteReader reader(bytes);
  return ReadTreeState(reader);
}

Result<DeltaHeader> CheckTreeStateDelta(Bytes bytes) {
  ByteReader reader(bytes);
  DeltaHeader header;
  ReadString(reader);
  if (!SkipOperations(reader, header.operations)) return Corrupt("tree_state_delta");
  header.base_version = reader.Fixed64();
  header.new_version = reader.Fixed64();
  if (!reader.Finished()) return Corrupt("tree_state_delta");
  return header;
}

Result<StateHeader> CheckTreeState(Bytes bytes) {
  ByteReader reader(bytes);
  StateHeader header;
  ReadString(reader);
  if (!SkipOperations(reader, header.operations)) return Corrupt("tree_state");
  header.version = reader.Fixed64();
  if (!reader.Finished()) return Corrupt("tree_state");
  return header;
}

}  // namespace prefixmesh::generations
