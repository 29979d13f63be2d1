#include "loadgen/drive/wire.h"

#include <grpcpp/support/slice.h>

#include <vector>

#include "impl/base/varint.h"

namespace prefixmesh::load {
namespace {

constexpr std::uint64_t kLengthDelimited = 2;

std::uint64_t Tag(std::uint64_t field, std::uint64_t wire_type) { return field << 3 | wire_type; }

// `head`, then the prompt as field 15.
grpc::ByteBuffer Assemble(ByteWriter head, const Slices& prompt) {
  if (prompt.size() > 0) {
    head.Varint(Tag(15, kLengthDelimited));
    head.Varint(prompt.size());
  }
  std::vector<grpc::Slice> slices;
  slices.reserve(prompt.pieces().size() + 1);
  slices.emplace_back(head.bytes());
  for (const Bytes piece : prompt.pieces()) slices.emplace_back(piece.data(), piece.size(), grpc::Slice::STATIC_SLICE);
  return grpc::ByteBuffer(slices.data(), slices.size());
}

ByteWriter Head(std::string_view model, Kind kind) {
  ByteWriter head;
  if (!model.empty()) {
    head.Varint(Tag(1, kLengthDelimited));
    head.Blob(model);
  }
  if (kind == Kind::kTokens) {
    head.Varint(Tag(2, 0));
    head.Varint(1);
  }
  return head;
}

}  // namespace

grpc::ByteBuffer GenerateBody(std::string_view model, Kind kind, std::uint64_t request_id, const Slices& prompt) {
  ByteWriter head = Head(model, kind);
  head.Varint(Tag(3, 0));
  head.Varint(request_id);
  return Assemble(std::move(head), prompt);
}

grpc::ByteBuffer ProbeBody(std::string_view model, Kind kind, std::string_view worker, const Slices& prompt) {
  ByteWriter head = Head(model, kind);
  if (!worker.empty()) {
    head.Varint(Tag(3, kLengthDelimited));
    head.Blob(worker);
  }
  return Assemble(std::move(head), prompt);
}

bool ParseMessage(const grpc::ByteBuffer& buffer, google::protobuf::Message& message) {
  grpc::Slice slice;
  return buffer.DumpToSingleSlice(&slice).ok() && message.ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
}

}  // namespace prefixmesh::load
