// ledger.h — what the routers wrote, kept outside of what is replicated: the oracle that sees anything go backwards,
// come back, or appear from nowhere. Convergence alone is nearly blind to that.
//
// Per log: the running sum of its records' hashes, so that any copy can be checked in constant time:
//   sum(copy) = total[have) − total[floor), floor ≤ highest floor the owner ever had, have ≤ what it wrote.
//
// Threads: one. Ownership: values; borrows the routers during a call. Errors: a line that says which rule broke.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "impl/sync/two_layer/replica.h"

namespace prefixmesh::sim {

class Ledger {
 public:
  // Notes what the owner wrote since the last call. After every round of the owner.
  void Wrote(const two_layer::Replica& replica);
  // From now on this key may have two writers: nothing can be said of it.
  void Excuse(const two_layer::OriginKey& key) { excused_.insert(key); }
  // Checks every log of this replica, and that none went backwards in this life. Empty: all is well.
  std::string Check(const two_layer::Replica& replica, std::uint64_t life);

  std::uint64_t records() const { return records_; }

 private:
  struct Log {
    std::uint32_t base = 1;             // seq of totals[0]
    std::vector<std::uint64_t> totals;  // totals[i]: sum of the hashes of [base, base + i)
    std::uint32_t floor = 1;
    std::uint32_t head() const { return base + static_cast<std::uint32_t>(totals.size()) - 1; }
  };
  struct Seen {
    std::uint64_t serial = 0;
    std::uint32_t floor = 1, have = 1;
  };
  std::map<two_layer::OriginKey, Log> logs_;
  std::map<std::uint64_t, std::map<two_layer::OriginKey, Seen>> seen_;  // by life
  std::set<two_layer::OriginKey> excused_;
  std::uint64_t records_ = 0;
};

}  // namespace prefixmesh::sim
