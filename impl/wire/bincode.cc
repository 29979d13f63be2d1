#include "impl/wire/bincode.h"

#include <algorithm>
#include <utility>

#include "impl/base/check.h"

namespace prefixmesh::generations {
namespace {

constexpr std::uint32_t kInsertTag = 0, kRemoveTag = 1;  // TreeOperation
constexpr std::uint32_t kTextTag = 0, kTokensTag = 1;    // TreeKey
constexpr std::size_t kOperationBytesMin = 12;           // a remove of ""

}  // namespace

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

namespace {

// False when the bytes are no counted list.
bool ReadList(ByteReader& reader, OperationList& list) {
  std::size_t count = 0;
  if (!ReadCount(reader, kOperationBytesMin, count)) return false;
  ByteReader start = reader;
  OperationView view;
  for (std::size_t i = 0; i < count; ++i)
    if (!ReadOperation(reader, view)) return false;
  list = {count, start.Raw(start.remaining() - reader.remaining())};
  return true;
}

std::vector<TreeOperation> Owned(const OperationList& list) {
  std::vector<TreeOperation> operations;
  operations.reserve(list.count);
  list.ForEach([&](const OperationView& view) {
    operations.push_back({view.type, view.kind, std::string(view.prompt), std::string(view.tenant)});
  });
  return operations;
}

std::size_t EncodedBytes(std::span<const TreeOperation> operations) {
  std::size_t bytes = 8;
  for (const TreeOperation& operation : operations) bytes += generations::EncodedBytes(operation);
  return bytes;
}

void Write(BincodeWriter& writer, const std::vector<TreeOperation>& operations) {
  writer.U64(operations.size());
  for (const TreeOperation& operation : operations) WriteOperation(writer, ViewOf(operation));
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

std::string EncodeOperations(std::span<const TreeOperation> operations) {
  BincodeWriter writer(EncodedBytes(operations) - 8);
  for (const TreeOperation& operation : operations) WriteOperation(writer, ViewOf(operation));
  return writer.Take();
}

OperationList OperationList::Last(std::uint64_t kept) const {
  ByteReader reader(bytes);
  OperationView view;
  for (std::uint64_t i = kept; i < count; ++i) ReadOperation(reader, view);
  return {kept < count ? kept : count, reader.Raw(reader.remaining())};
}

std::uint64_t KeptOf(std::uint64_t operations, std::uint64_t appended, std::size_t operations_max) {
  for (; appended > 0; --appended)
    if (++operations > operations_max) operations = operations_max / 2;
  return operations;
}

std::string EncodeJoined(std::string_view model_id, const OperationList& older, const OperationList& newer,
                         std::uint64_t version, std::size_t operations_max) {
  const std::uint64_t kept = KeptOf(older.count, newer.count, operations_max);
  const OperationList last = newer.Last(kept);
  const OperationList first = older.Last(kept - last.count);
  BincodeWriter writer(24 + model_id.size() + first.bytes.size() + last.bytes.size());
  writer.String(model_id);
  writer.U64(kept);
  writer.Raw(first.bytes);
  writer.Raw(last.bytes);
  writer.U64(version);
  return writer.Take();
}

bool AppendToEncoded(std::string& state, const OperationList& newer, std::size_t operations_max) {
  constexpr std::size_t kU64Bytes = 8;
  ByteReader reader(AsBytes(state));
  const std::size_t count_at = kU64Bytes + ReadString(reader).size();
  const std::uint64_t count = reader.Fixed64();
  if (!reader.ok() || reader.remaining() < kU64Bytes || count + newer.count > operations_max) return false;
  ByteReader tail(AsBytes(state).last(kU64Bytes));
  const std::uint64_t version = tail.Fixed64();

  BincodeWriter counted(kU64Bytes);
  counted.U64(count + newer.count);
  state.replace(count_at, kU64Bytes, counted.Take());
  state.resize(state.size() - kU64Bytes);
  state += AsText(newer.bytes);
  BincodeWriter end(kU64Bytes);
  end.U64(version + newer.count);
  state += end.Take();
  return true;
}

void WriteOperation(BincodeWriter& writer, const OperationView& operation) {
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

std::size_t EncodedBytes(const TreeOperation& operation) {
  return (operation.type == TreeOperation::Type::kRemove ? kOperationBytesMin : kInsertBytes) +
         operation.prompt.size() + operation.tenant.size();
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

Result<DeltaView> ViewTreeStateDelta(Bytes bytes) {
  ByteReader reader(bytes);
  DeltaView view;
  view.model_id = ReadString(reader);
  if (!ReadList(reader, view.operations)) return Corrupt("tree_state_delta");
  view.base_version = reader.Fixed64();
  view.new_version = reader.Fixed64();
  if (!reader.Finished()) return Corrupt("tree_state_delta");
  return view;
}

namespace {

Result<StateView> ReadTreeState(ByteReader& reader) {
  StateView view;
  view.model_id = ReadString(reader);
  if (!ReadList(reader, view.operations)) return Corrupt("tree_state");
  view.version = reader.Fixed64();
  if (!reader.ok()) return Corrupt("tree_state");
  return view;
}

}  // namespace

Result<StateView> ViewTreeState(Bytes bytes) {
  ByteReader reader(bytes);
  Result<StateView> view = ReadTreeState(reader);
  if (view.ok() && !reader.Finished()) return Corrupt("tree_state");
  return view;
}

Result<StateView> ViewTreeStatePrefix(Bytes bytes) {
  ByteReader reader(bytes);
  return ReadTreeState(reader);
}

Result<TreeStateDelta> DecodeTreeStateDelta(Bytes bytes) {
  const Result<DeltaView> view = ViewTreeStateDelta(bytes);
  if (!view.ok()) return view.error();
  return TreeStateDelta{std::string(view->model_id), Owned(view->operations), view->base_version, view->new_version};
}

Result<TreeState> DecodeTreeState(Bytes bytes) {
  const Result<StateView> view = ViewTreeState(bytes);
  if (!view.ok()) return view.error();
  return TreeState{std::string(view->model_id), Owned(view->operations), view->version};
}

}  // namespace prefixmesh::generations
