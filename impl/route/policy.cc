#include "impl/route/policy.h"

#include "impl/route/bounded.h"
#include "impl/route/cache_aware.h"

namespace prefixmesh {
namespace {

// Each healthy worker in turn: one that is gone leaves its share to all.
Choice ChooseRoundRobin(const RouteView& view) {
  std::size_t healthy = 0;
  for (const WorkerIndex worker : view.candidates) healthy += view.fleet.healthy(worker);
  if (healthy == 0) return {};
  std::size_t left = view.turn % healthy;
  for (const WorkerIndex worker : view.candidates)
    if (view.fleet.healthy(worker) && left-- == 0) return {worker, DecisionReason::kMinLoad};
  return {};  // health moved meanwhile
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
