#include "impl/node/picks.h"

#include <utility>
#include <vector>

#include "impl/env/real/routed_message.h"
#include "impl/wire/prefixmesh.pb.h"

namespace prefixmesh {
namespace {

constexpr Time kTickEvery = std::chrono::seconds(1);

}  // namespace

Status Picks::Begin(const RouteDecision& decision, v1::PickReply& reply) {
  {
    MutexLock lock(mutex_);
    if (!leases_.full()) {
      reply.set_lease(leases_.Begin(clock_.Now(), decision));
      if (!std::exchange(ticking_, true)) loop_.PostAt(clock_.Now() + kTickEvery, [this] { Tick(); });
      *reply.mutable_routed() = RoutedOf(decision);
      return {};
    }
  }
  core_.Finish(decision.worker, Forwarded::kServed, decision.expectation);
  return Error{ErrorCode::kExhausted, "there are " + std::to_string(PickLeases::kLeasesMax) +
                                          " picks of which nobody said that they are over"};
}

Status Picks::Report(const v1::PickReport& report) {
  Forwarded forwarded = Forwarded::kServed;
  switch (report.state()) {
    case v1::PICK_STARTED:
    case v1::PICK_FIRST_TOKEN: {
      MutexLock lock(mutex_);
      return leases_.Renew(clock_.Now(), report.lease());
    }
    case v1::PICK_FINISHED:
      break;
    case v1::PICK_FAILED:
      forwarded = Forwarded::kFailed;
      break;
    case v1::PICK_UNREACHED:
      forwarded = Forwarded::kUnreached;
      break;
    default:
      return Error{ErrorCode::kInvalid, "no such state of a pick"};
  }
  RouteDecision decision;
  {
    MutexLock lock(mutex_);
    const Result<RouteDecision> ended = leases_.End(report.lease());
    if (!ended.ok()) return ended.error();
    decision = *ended;
  }
  core_.Finish(decision.worker, forwarded, decision.expectation);
  return {};
}

void Picks::Tick() {
  std::vector<RouteDecision> over;
  {
    MutexLock lock(mutex_);
    leases_.Expire(clock_.Now(), over);
    ticking_ = leases_.size() > 0;
    if (ticking_) loop_.PostAt(clock_.Now() + kTickEvery, [this] { Tick(); });
  }
  for (const RouteDecision& decision : over) core_.Finish(decision.worker, Forwarded::kServed, decision.expectation);
}

Picks::Figures Picks::figures() const {
  MutexLock lock(mutex_);
  return {leases_.size(), leases_.expired()};
}

}  // namespace prefixmesh
