#include "impl/sync/generations/store_frame.h"

#include "impl/base/varint.h"

namespace prefixmesh::generations {
namespace {

constexpr std::size_t kEntryBytesMin = 5;  // five varints of one byte

// Values reach tens of MiB: the frame is allocated once, at its size.
std::string Encode(ByteWriter head, std::span<const StoreEntry> entries) {
  head.Varint(entries.size());
  constexpr std::size_t kVarintsMax = 5 * 10;
  std::size_t bytes = head.size();
  for (const StoreEntry& entry : entries) {
    bytes += entry.key.size() + entry.value.size() + entry.actor.size() + kVarintsMax;
  }
  std::string out;
  out.reserve(bytes);
  out += head.bytes();
  for (const StoreEntry& entry : entries) {
    ByteWriter before;
    before.Blob(entry.key);
    before.Varint(entry.value.size());
    out += before.bytes();
    out += entry.value;
    ByteWriter after;
    after.Varint(entry.version);
    after.Blob(entry.actor);
    after.Varint(entry.timestamp_ns);
    out += after.bytes();
  }
  return out;
}

ByteWriter Head(FrameKind kind, Store store) {
  ByteWriter writer;
  writer.U8(static_cast<std::uint8_t>(kind));
  writer.U8(static_cast<std::uint8_t>(store));
  return writer;
}

Error Corrupt() { return {ErrorCode::kCorrupt, "store frame does not decode"}; }

}  // namespace

std::string EncodeBatch(Store store, std::span<const StoreEntry> entries) {
  return Encode(Head(FrameKind::kBatch, store), entries);
}

std::string EncodeSnapshotRequest(Store store) { return Head(FrameKind::kSnapshotRequest, store).Take(); }

std::string EncodeSnapshotChunk(Store store, std::uint64_t index, std::uint64_t count,
                                std::span<const StoreEntry> entries) {
  ByteWriter head = Head(FrameKind::kSnapshotChunk, store);
  head.Varint(index);
  head.Varint(count);
  return Encode(std::move(head), entries);
}

std::string EncodeAcknowledgement(Store store) { return Head(FrameKind::kAcknowledgement, store).Take(); }

std::string EncodeSnapshotPiece(Store store, std::uint64_t index, std::uint64_t count, std::uint64_t checksum,
                                Bytes piece) {
  ByteWriter writer = Head(FrameKind::kSnapshotPiece, store);
  writer.Varint(index);
  writer.Varint(count);
  writer.Fixed64(checksum);
  writer.Blob(AsText(piece));
  return writer.Take();
}

Result<StoreFrame> DecodeStoreFrame(Bytes bytes) {
  ByteReader reader(bytes);
  StoreFrame frame;
  const std::uint8_t kind = reader.U8();
  if (kind < 1 || kind > 5 || reader.U8() != static_cast<std::uint8_t>(Store::kPolicy)) return Corrupt();
  frame.kind = static_cast<FrameKind>(kind);
  const bool bare = frame.kind == FrameKind::kSnapshotRequest || frame.kind == FrameKind::kAcknowledgement;
  const bool piece = frame.kind == FrameKind::kSnapshotPiece;
  if (piece || frame.kind == FrameKind::kSnapshotChunk) {
    frame.chunk_index = reader.Varint();
    frame.chunk_count = reader.Varint();
  }
  if (piece) {
    frame.checksum = reader.Fixed64();
    frame.piece = AsBytes(reader.Blob());
  }
  if (bare || piece) {
    if (!reader.Finished()) return Corrupt();
    return frame;
  }
  const std::uint64_t count = reader.Varint();
  if (!reader.ok() || count > reader.remaining() / kEntryBytesMin || count > kEntriesMax) return Corrupt();
  frame.entries.reserve(static_cast<std::size_t>(count));
  for (std::uint64_t i = 0; i < count; ++i) {
    StoreEntryView entry;
    entry.key = reader.Blob();
    entry.value = AsBytes(reader.Blob());
    entry.version = reader.Varint();
    entry.actor = reader.Blob();
    entry.timestamp_ns = reader.Varint();
    if (!reader.ok()) return Corrupt();
    frame.entries.push_back(entry);
  }
  if (!reader.Finished()) return Corrupt();
  return frame;
}

std::uint64_t ValueBytes(std::span<const StoreEntry> entries) {
  std::uint64_t bytes = 0;
  for (const StoreEntry& entry : entries) bytes += entry.value.size();
  return bytes;
}

}  // namespace prefixmesh::generations
