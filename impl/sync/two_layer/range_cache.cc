#include "impl/sync/two_layer/range_cache.h"

#include "impl/sync/two_layer/frame_writer.h"

namespace prefixmesh::two_layer {

const std::string& RangeCache::Encode(const Log& log, const RecordNames& names, std::uint32_t first,
                                      std::uint32_t end) {
  const std::uint64_t names_version = names.scopes.version() + names.workers.version();
  if (key_ == log.key && first_ == first && end_ == end && floor_ == log.window.floor() && head_ == log.window.head() &&
      names_version_ == names_version)
    return bytes_;
  Range range;
  if (!log.own()) range.key = log.key;
  range.floor = log.window.floor();
  range.first_seq = first;
  range.more = end < log.window.head();
  std::uint64_t sum = 0;
  for (std::uint32_t seq = first; seq < end; ++seq) {
    Record& record = range.records.emplace_back();
    log.window.Read(seq, record);
    sum += names.HashOf(record);
  }
  range.checksum = static_cast<std::uint32_t>(sum);
  key_ = log.key;
  first_ = first;
  end_ = end;
  floor_ = log.window.floor();
  head_ = log.window.head();
  names_version_ = names_version;
  bytes_ = EncodeRange(range, SlotBitsFor(names.workers.size(), names.scopes.size()));
  return bytes_;
}

}  // namespace prefixmesh::two_layer
