#include "impl/route/policy.h"

#include "impl/route/bounded.h"
#include "impl/route/cache_aware.h"

namespace prefixmesh {
namespace {

// The next healthy worker, from the turn's on.
Choice ChooseRoundRobin(const RouteView& view) {
  const std::size_t count = view.candidates.size();
  for (std::size_t i = 0; i < count; ++i) {
    const WorkerIndex worker = view.candidates[(view.turn + i) % count];
    if (view.fleet.healthy(worker)) return {worker, DecisionReason::kMinLoad};
  }
  return {};
}

}  // namespace

const char* DecisionReasonName(DecisionReason reason) {
  switch (reason) {
    case DecisionReason::kNone:
      return "none";
    case DecisionReason::kCache:
      return "cache";
    case DecisionReason::kMinLoad:
      return "min_load";
    case DecisionReason::kBalance:
      return "balance";
    case DecisionReason::kFallback:
      return "fallback";
  }
  return "unknown";
}

Policy PolicyOf(const std::string& name) {
  return name == "bounded" ? Policy::kBounded : name == "round-robin" ? Policy::kRoundRobin : Policy::kCacheAware;
}

Choice ChooseWorker(Policy policy, const PolicyOptions& options, const TreeMatch& match, const RouteView& view) {
  switch (policy) {
    case Policy::kCacheAware:
      return ChooseCacheAware(options, match, view);
    case Policy::kBounded:
      return ChooseBounded(options, match, view);
    case Policy::kRoundRobin:
      return ChooseRoundRobin(view);
  }
  return {};
}

}  // namespace prefixmesh
