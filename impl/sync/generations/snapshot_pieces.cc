#include "impl/sync/generations/snapshot_pieces.h"

#include <utility>

#include "impl/wire/path_hash.h"

namespace prefixmesh::generations {

Result<std::vector<std::string>> CutSnapshot(Store store, std::span<const StoreEntry> entries,
                                             std::size_t piece_bytes) {
  std::vector<std::string> frames;
  if (entries.empty()) return frames;
  const std::string whole = EncodeSnapshotChunk(store, 0, 1, entries);
  const std::uint64_t count = (whole.size() + piece_bytes - 1) / piece_bytes;
  if (count > kPiecesMax)
    return Error{ErrorCode::kTooBig, "a snapshot of " + std::to_string(whole.size()) + " bytes is above " +
                                         std::to_string(kPiecesMax) + " pieces"};
  for (std::uint64_t i = 0; i < count; ++i) {
    const Bytes piece = AsBytes(std::string_view(whole).substr(static_cast<std::size_t>(i) * piece_bytes, piece_bytes));
    frames.push_back(EncodeSnapshotPiece(store, i, count, PathHash(Slices(piece)), piece));
  }
  return frames;
}

Result<std::optional<std::string>> SnapshotAssembly::Add(const StoreFrame& frame) {
  if (frame.chunk_index == 0) {
    *this = {};
    count_ = frame.chunk_count;
  }
  if (frame.chunk_index != next_ || frame.chunk_count != count_ || count_ > kPiecesMax || next_ >= count_ ||
      frame.piece.size() > kPieceBytesMax || PathHash(Slices(frame.piece)) != frame.checksum) {
    *this = {};
    return Error{ErrorCode::kCorrupt, "a snapshot's piece does not go on from the one before"};
  }
  pieces_.emplace_back(AsText(frame.piece));
  bytes_ += frame.piece.size();
  if (++next_ < count_) return std::optional<std::string>();
  std::string whole;
  whole.reserve(bytes_);
  for (std::string& piece : pieces_) whole += std::exchange(piece, {});
  *this = {};
  return std::optional<std::string>(std::move(whole));
}

}  // namespace prefixmesh::generations
