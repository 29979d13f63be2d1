// ledger.h — what the routers wrote with two-layer, kept outside of what is replicated: an oracle of contents.
//
// Per log: the running sum of its records' hashes, so that any copy can be checked in constant time:
//   sum(copy) = total[have) − total[floor)
//
// Threads: one. Ownership: values; borrows the replicas during a call. Errors: Holds says no. Bounds: 8 bytes a record.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "impl/sync/two_layer/replica.h"

namespace prefixmesh::sim {

class Ledger {
 public:
  // Notes what the owner wrote since the last call: with every record, before it can leave the window.
  void Wrote(const two_layer::Replica& replica);
  // Whether this copy has exactly the records that its owner wrote; also where nothing is known of it.
  bool HoldsWhatWasWritten(const two_layer::Replica::Log& copy) const;

 private:
  struct Log {
    std::uint32_t base = 1;             // seq of totals[0]
    std::vector<std::uint64_t> totals;  // totals[i]: sum of the hashes of [base, base + i)
    std::uint32_t head() const { return base + static_cast<std::uint32_t>(totals.size()) - 1; }
  };
  std::map<two_layer::OriginKey, Log> logs_;
};

}  // namespace prefixmesh::sim
