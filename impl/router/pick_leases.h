// pick_leases.h — choices that a gateway was told and carries out itself, until it says what became of them.
//
//   Begin ──► kept for kUnstarted ──Report: started, first token──► kept for kStarted from each report
//                      └────────────────────────┴── finished, failed, unreached, or the time is over ──► ended
//
// A lease that ends because its time is over says nothing about its worker.
//
// Threads: none of its own. Ownership: values; a decision's worker_name lives as long as the router. Errors: kNotFound
// for a lease that is none or is over, kExhausted. Bounds: kLeasesMax. Time: comes in.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "impl/base/result.h"
#include "impl/env/env.h"
#include "impl/router/route.h"

namespace prefixmesh {

class PickLeases {
 public:
  static constexpr std::size_t kLeasesMax = 1u << 16;
  static constexpr Time kUnstarted = std::chrono::seconds(10), kStarted = std::chrono::minutes(10);

  // Ids are drawn from `first_id` on.
  explicit PickLeases(std::uint64_t first_id) : next_id_(first_id) {}

  bool full() const { return leases_.size() >= kLeasesMax; }
  // Not when full.
  std::uint64_t Begin(Time now, const RouteDecision& decision);
  // It goes on.
  Status Renew(Time now, std::uint64_t id);
  // It is over. Returns what was decided.
  Result<RouteDecision> End(std::uint64_t id);
  // Those whose time is over.
  void Expire(Time now, std::vector<RouteDecision>& out);

  std::size_t size() const { return leases_.size(); }
  std::uint64_t expired() const { return expired_; }

 private:
  struct Lease {
    RouteDecision decision;
    Time until{0};
  };
  std::uint64_t next_id_;
  std::map<std::uint64_t, Lease> leases_;
  std::set<std::pair<Time, std::uint64_t>> by_time_;
  std::uint64_t expired_ = 0;
};

}  // namespace prefixmesh
