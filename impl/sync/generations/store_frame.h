// store_frame.h — what the generations put on a stream: one store's updates, a request for a snapshot, its chunks.
//
//   frame   kind u8 · store u8 · body
//   batch   kind 1 · count varint · entries
//   request kind 2 · nothing
//   chunk   kind 3 · index varint · chunks varint · count varint · entries
//   ack     kind 4 · nothing: one more batch of this stream came (only with H1 fixed)
//   piece   kind 5 · index varint · pieces varint · checksum u64 · bytes blob (only with H12 fixed)
//   entry   key blob · value blob · version varint · actor blob · timestamp_ns varint       (blob: varint length,
//   bytes)
//
// The original wrote the same fields as protobuf messages; this is our own envelope of the same order of size. Left
// out: the checksum of chunks, which it computed and nobody checked (H12), and acknowledgements, which it only logged;
// hazards.h has both for those who want them.
//
// Threads: pure functions. Ownership: a decoded frame borrows from the bytes. Errors: kCorrupt for bytes that are no
// frame; counts are held against the bytes present. Time: none. Bounds: kEntriesMax entries a frame, far above what a
// router's models and writers come to.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/result.h"
#include "impl/base/slices.h"

namespace prefixmesh::generations {

enum class FrameKind : std::uint8_t {
  kBatch = 1,
  kSnapshotRequest = 2,
  kSnapshotChunk = 3,
  kAcknowledgement = 4,
  kSnapshotPiece = 5
};

// One message carries the updates of one store. Tree entries live in the policy store; the others never have any here.
enum class Store : std::uint8_t { kPolicy = 1 };

struct StoreEntry {
  std::string key;
  std::string value;  // an encoded PolicyState (impl/wire/policy_state.h)
  std::uint64_t version = 0;
  std::string actor;
  std::uint64_t timestamp_ns = 0;
};

struct StoreEntryView {
  std::string_view key;
  Bytes value;
  std::uint64_t version = 0;
  std::string_view actor;
  std::uint64_t timestamp_ns = 0;
};

struct StoreFrame {
  FrameKind kind = FrameKind::kBatch;
  Store store = Store::kPolicy;
  // Of a chunk or a piece. Trusted by nobody for a chunk: each is applied as it comes.
  std::uint64_t chunk_index = 0;
  std::uint64_t chunk_count = 0;
  std::vector<StoreEntryView> entries;
  std::uint64_t checksum = 0;  // of a piece
  Bytes piece;
};

std::string EncodeBatch(Store store, std::span<const StoreEntry> entries);
std::string EncodeSnapshotRequest(Store store);
std::string EncodeSnapshotChunk(Store store, std::uint64_t index, std::uint64_t count,
                                std::span<const StoreEntry> entries);
std::string EncodeAcknowledgement(Store store);
std::string EncodeSnapshotPiece(Store store, std::uint64_t index, std::uint64_t count, std::uint64_t checksum,
                                Bytes piece);
inline constexpr std::uint64_t kEntriesMax = 1024;
Result<StoreFrame> DecodeStoreFrame(Bytes bytes);

// Σ of the value bytes: all that the size test of the generations looked at (H11).
std::uint64_t ValueBytes(std::span<const StoreEntry> entries);

}  // namespace prefixmesh::generations
