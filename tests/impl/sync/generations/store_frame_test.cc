// Goal: frames round trip, and bytes that are no frame are refused.
#include "impl/sync/generations/store_frame.h"

#include "tests/support/properties.h"

namespace prefixmesh::generations {
namespace {

TEST_CASE("StoreFrame: batches and chunks round trip; any cut is refused") {
  prefixmesh::test::ForAll("round trip", [](const std::vector<std::pair<std::string, std::string>>& drawn,
                                            std::uint64_t version, std::uint64_t index) {
    std::vector<StoreEntry> entries;
    std::uint64_t value_bytes = 0;
    for (const auto& [key, value] : drawn) {
      entries.push_back({.key = key, .value = value, .version = version, .actor = "me", .timestamp_ns = version / 2});
      value_bytes += value.size();
    }
    RC_ASSERT(ValueBytes(entries) == value_bytes);
    for (const bool chunk : {false, true}) {
      const std::string bytes =
          chunk ? EncodeSnapshotChunk(Store::kPolicy, index, 7, entries) : EncodeBatch(Store::kPolicy, entries);
      const StoreFrame frame = *DecodeStoreFrame(AsBytes(bytes));
      RC_ASSERT(frame.kind == (chunk ? FrameKind::kSnapshotChunk : FrameKind::kBatch));
      RC_ASSERT(frame.chunk_index == (chunk ? index : 0));
      RC_ASSERT(frame.entries.size() == entries.size());
      for (std::size_t i = 0; i < entries.size(); ++i) {
        RC_ASSERT(frame.entries[i].key == entries[i].key);
        RC_ASSERT(AsText(frame.entries[i].value) == entries[i].value);
        RC_ASSERT(frame.entries[i].version == version);
        RC_ASSERT(frame.entries[i].actor == "me");
        RC_ASSERT(frame.entries[i].timestamp_ns == version / 2);
      }
      const auto cut = *rc::gen::inRange<std::size_t>(0, bytes.size());
      RC_ASSERT(!DecodeStoreFrame(AsBytes(bytes).first(cut)).ok());
      RC_ASSERT(!DecodeStoreFrame(AsBytes(bytes + "x")).ok());
    }
  });
}

TEST_CASE("StoreFrame: acknowledgements and pieces read back, and not when they are cut or go on") {
  test::ForAll("any piece",
               [](const std::string& bytes, std::uint64_t index, std::uint64_t count, std::uint64_t checksum) {
                 const std::string ack = EncodeAcknowledgement(Store::kPolicy);
                 const std::string piece = EncodeSnapshotPiece(Store::kPolicy, index, count, checksum, AsBytes(bytes));
                 RC_ASSERT(DecodeStoreFrame(AsBytes(ack))->kind == FrameKind::kAcknowledgement);
                 const StoreFrame frame = *DecodeStoreFrame(AsBytes(piece));
                 RC_ASSERT(frame.kind == FrameKind::kSnapshotPiece);
                 RC_ASSERT(frame.chunk_index == index);
                 RC_ASSERT(frame.chunk_count == count);
                 RC_ASSERT(frame.checksum == checksum);
                 RC_ASSERT(AsText(frame.piece) == bytes);
                 for (const std::string& whole : {ack, piece}) {
                   const std::size_t cut = *rc::gen::inRange<std::size_t>(0, whole.size());
                   RC_ASSERT(!DecodeStoreFrame(AsBytes(whole).first(cut)).ok());
                   RC_ASSERT(!DecodeStoreFrame(AsBytes(whole + "x")).ok());
                 }
               });
}

TEST_CASE("StoreFrame: a claimed count beyond the bytes present is refused") {
  REQUIRE_FALSE(DecodeStoreFrame(AsBytes(std::string("\x01\x01\xff\xff\xff\xff\x0f", 7))).ok());
  REQUIRE_FALSE(DecodeStoreFrame({}).ok());
  REQUIRE_FALSE(DecodeStoreFrame(AsBytes(std::string("\x06\x01", 2))).ok());
  REQUIRE(DecodeStoreFrame(AsBytes(EncodeSnapshotRequest(Store::kPolicy))).ok());
}

}  // namespace
}  // namespace prefixmesh::generations
