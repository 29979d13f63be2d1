// Fuzzes the decoders of the two-layer frames. A peer can seal anything, so the seal is computed here: what is fuzzed
// is all behind it. What decodes must say nothing that this router could not have said itself.
#include <cstdint>
#include <string>

#include "impl/base/check.h"
#include "impl/sync/two_layer/frame_reader.h"
#include "impl/sync/two_layer/frame_writer.h"

using namespace prefixmesh;             // NOLINT
using namespace prefixmesh::two_layer;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string frame(reinterpret_cast<const char*>(data), size);
  (void)PeekKind(AsBytes(frame)).ok();
  if (frame.empty()) return 0;
  Seal(frame, 0);
  const Bytes bytes = AsBytes(frame);
  (void)PeekKind(bytes).ok();
  (void)DecodeHello(bytes).ok();
  (void)DecodeRefusal(bytes).ok();
  (void)DecodePull(bytes, 0).ok();
  if (const auto vector = DecodeVector(bytes, 0); vector.ok())
    PREFIXMESH_CHECK(vector->positions.size() <= kPositionsMax);
  if (const auto registers = DecodeRegisters(bytes, 0); registers.ok())
    for (const WorkerName& worker : *registers) PREFIXMESH_CHECK(worker.incarnation <= kWorkerIncarnationMax);
  const auto round = DecodeRound(bytes, 0);
  if (!round.ok()) return 0;
  PREFIXMESH_CHECK(round->acks.size() <= kPositionsMax && round->views.size() <= kPositionsMax);
  std::uint64_t kept = 0;
  for (const RangeView& range : round->views) {
    Record record;
    std::uint32_t records = 0;
    RecordCursor cursor(range);
    for (; cursor.Next(record); ++records) {
      PREFIXMESH_CHECK(record.seq == range.first_seq + records && record.leaf().value != 0);
      PREFIXMESH_CHECK(record.ids.size() <= kRecordIdsMax && record.worker < kNamesMax && record.scope < kNamesMax);
      kept += record.bytes();
    }
    PREFIXMESH_CHECK(cursor.ok() && records == range.records);
  }
  PREFIXMESH_CHECK(kept <= kFrameRecordBytesMax);
  return 0;
}
