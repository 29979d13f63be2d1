// frame_reader.h — reads the frames of frame_format.h. The bytes are a peer's: they may be anything.
//
// Reading gives a value or a typed error and never allocates more than the bytes present justify: counts are checked
// against what is left, records against kFrameRecordBytesMax. Records are validated and stay in the frame: a
// RecordCursor reads them one by one, because a record of 7 bytes would take 70 in a vector. Unknown kinds are
// kNotFound, so that the caller can skip and count them; everything else that does not decode is kCorrupt.
//
// Threads: any, no state. Ownership: values, but a Round's views borrow the frame. Time: none.
#pragma once

#include <cstdint>
#include <vector>

#include "impl/base/result.h"
#include "impl/base/slices.h"
#include "impl/base/varint.h"
#include "impl/sync/two_layer/frame_format.h"
#include "impl/wire/bits.h"

namespace prefixmesh::two_layer {

// Reads the records of a range in order, into one Record whose memory is used again.
class RecordCursor {
 public:
  explicit RecordCursor(const RangeView& range)
      : reader_(range.bytes), bits_(Bytes()), slot_bits_(range.bits), runs_left_(range.runs), seq_(range.first_seq) {}
  // False at the end; and, in bytes that were not validated, at what is no record.
  bool Next(Record& record);
  bool ok() const { return ok_; }
  std::uint32_t seq() const { return seq_; }  // of the next record
  std::size_t bytes_left() const { return reader_.remaining(); }

 private:
  bool BeginRun();
  bool ReadRecord(Record& record);

  ByteReader reader_;
  BitReader bits_;
  const SlotBits slot_bits_;
  std::uint64_t runs_left_;
  std::uint64_t in_run_ = 0;  // records left
  unsigned rice_ = 0;
  std::uint64_t previous_ = 0;
  std::uint32_t seq_;
  bool ok_ = true;
};

Result<FrameKind> PeekKind(Bytes frame);
Result<Hello> DecodeHello(Bytes frame);
Result<Refusal> DecodeRefusal(Bytes frame);
Result<Vector> DecodeVector(Bytes frame, std::uint64_t seal);
Result<std::vector<WorkerName>> DecodeRegisters(Bytes frame, std::uint64_t seal);
Result<Pull> DecodePull(Bytes frame, std::uint64_t seal);
Result<Round> DecodeRound(Bytes frame, std::uint64_t seal);

}  // namespace prefixmesh::two_layer
