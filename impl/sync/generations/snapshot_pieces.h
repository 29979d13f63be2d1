// snapshot_pieces.h — a snapshot cut by bytes (H12 fixed): what no entry can make too big for the transport, verified.
//
//   sender     all entries as one chunk frame ─cut─► pieces {index, count, checksum of its bytes, bytes}
//   receiver   pieces in order ─► the same bytes ─► a chunk frame, decoded as one
//
// A piece out of order, with another count, or whose checksum is wrong drops what was put together so far; index 0
// starts again. Threads: mesh loop. Ownership: an assembly owns its bytes. Time: none. Errors: kTooBig for what takes
// more than kPiecesMax, so that an answer fits in a stream's queue; kCorrupt for a piece that does not go on.
// Bounds: kPiecesMax pieces of at most kPieceBytesMax, per stream.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "impl/base/result.h"
#include "impl/sync/generations/store_frame.h"

namespace prefixmesh::generations {

inline constexpr std::size_t kPieceBytesMax = 2u << 20;
inline constexpr std::uint64_t kPiecesMax = 100;

// The frames of one answer; no entries make none.
Result<std::vector<std::string>> CutSnapshot(Store store, std::span<const StoreEntry> entries, std::size_t piece_bytes);

class SnapshotAssembly {
 public:
  // `frame` is of kind kSnapshotPiece. The chunk frame when this was the last piece, nothing before.
  Result<std::optional<std::string>> Add(const StoreFrame& frame);
  std::size_t bytes() const { return bytes_; }

 private:
  std::uint64_t next_ = 0;
  std::uint64_t count_ = 0;
  std::vector<std::string> pieces_;
  std::size_t bytes_ = 0;
};

}  // namespace prefixmesh::generations
