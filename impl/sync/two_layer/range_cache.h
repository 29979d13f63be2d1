// range_cache.h — the range of a log that was encoded last: peers that stand at the same place get the same bytes.
//
// Threads: mesh loop. Ownership: a value; what Encode gives is good until the next call. Time, errors: none.
// Bounds: one range, a page.
#pragma once

#include <cstdint>
#include <string>

#include "impl/sync/two_layer/log.h"
#include "impl/sync/two_layer/record_names.h"

namespace prefixmesh::two_layer {

class RangeCache {
 public:
  // The records [first, end) of the log.
  const std::string& Encode(const Log& log, const RecordNames& names, std::uint32_t first, std::uint32_t end);

 private:
  OriginKey key_;
  std::uint32_t first_ = 0, end_ = 0, floor_ = 0, head_ = 0;
  std::uint64_t names_version_ = 0;
  std::string bytes_;
};

}  // namespace prefixmesh::two_layer
