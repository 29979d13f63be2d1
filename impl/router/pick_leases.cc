#include "impl/router/pick_leases.h"

#include "impl/base/check.h"

namespace prefixmesh {
namespace {

Error NoSuchLease() { return {ErrorCode::kNotFound, "no such lease, or it is over"}; }

}  // namespace

std::uint64_t PickLeases::Begin(Time now, const RouteDecision& decision) {
  PREFIXMESH_CHECK(!full());
  const std::uint64_t id = next_id_++;
  const Time until = now + kUnstarted;
  PREFIXMESH_CHECK(leases_.emplace(id, Lease{decision, until}).second);
  by_time_.emplace(until, id);
  return id;
}

Status PickLeases::Renew(Time now, std::uint64_t id) {
  const auto at = leases_.find(id);
  if (at == leases_.end()) return NoSuchLease();
  by_time_.erase({at->second.until, id});
  at->second.until = now + kStarted;
  by_time_.emplace(at->second.until, id);
  return {};
}

Result<RouteDecision> PickLeases::End(std::uint64_t id) {
  const auto at = leases_.find(id);
  if (at == leases_.end()) return NoSuchLease();
  const RouteDecision decision = at->second.decision;
  by_time_.erase({at->second.until, id});
  leases_.erase(at);
  return decision;
}

void PickLeases::Expire(Time now, std::vector<RouteDecision>& out) {
  while (!by_time_.empty() && by_time_.begin()->first <= now) {
    const auto at = leases_.find(by_time_.begin()->second);
    out.push_back(at->second.decision);
    leases_.erase(at);
    by_time_.erase(by_time_.begin());
    ++expired_;
  }
}

}  // namespace prefixmesh
