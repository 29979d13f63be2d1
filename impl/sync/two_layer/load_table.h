// load_table.h — requests in flight per worker, as one end of a stream said them and the other end heard them. Equal
// tables have equal hashes, so the digest tells whether anything that was said got lost; all zero hashes to 0.
//
// What is heard counts up to kSumMax in all, so that no peer can say of every worker but one that it is busy.
// The table keeps what was said, or the hashes would differ for ever.
//
// Threads: none of its own. Ownership: values. Errors: none. Bounds: kWorkersMax workers; what is beyond is not kept,
// and the hashes say so.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "impl/base/prng.h"
#include "impl/sync/two_layer/frame_format.h"
#include "impl/sync/two_layer/names.h"

namespace prefixmesh::two_layer {

class LoadTable {
 public:
  static constexpr std::size_t kWorkersMax = 1024;

  // A router bears 256 MiB of requests at 64 KiB each at least.
  static constexpr std::uint64_t kSumMax = 4096;

  std::uint32_t Get(std::string_view worker) const {
    const auto at = in_flight_.find(worker);
    return at != in_flight_.end() ? at->second : 0;
  }
  void Set(std::string_view worker, std::uint32_t in_flight) {
    const auto at = in_flight_.find(worker);
    if (at == in_flight_.end() && (in_flight == 0 || in_flight_.size() >= kWorkersMax)) return;
    sum_ = sum_ + Requests(in_flight) - (at != in_flight_.end() ? Requests(at->second) : 0);
    hash_ += EntryHash(worker, in_flight) - EntryHash(worker, at != in_flight_.end() ? at->second : 0);
    if (in_flight == 0) {
      in_flight_.erase(at);
    } else if (at != in_flight_.end()) {
      at->second = in_flight;
    } else {
      in_flight_.emplace(worker, in_flight);
    }
  }
  // How much of it counts: what the others leave of kSumMax.
  std::uint32_t Counted(std::string_view worker) const {
    const std::uint32_t kept = Requests(Get(worker));
    const std::uint64_t others = sum_ - kept;
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(kept, others < kSumMax ? kSumMax - others : 0));
  }
  void Clear() { *this = LoadTable(); }

  // A sum over the workers that are not at 0.
  std::uint32_t hash() const { return hash_; }
  static std::uint32_t EntryHash(std::string_view worker, std::uint32_t in_flight) {
    return in_flight == 0 ? 0 : static_cast<std::uint32_t>(Mix64(HashText(worker) + in_flight));
  }

 private:
  static std::uint32_t Requests(std::uint32_t said) { return said & ~kUnreached; }

  std::map<std::string, std::uint32_t, std::less<>> in_flight_;  // none is 0
  std::uint64_t sum_ = 0;
  std::uint32_t hash_ = 0;
};

}  // namespace prefixmesh::two_layer
