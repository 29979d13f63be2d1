// policy.h — start here for routing, step 3 of a request: the choice of a worker. Three policies:
//
//   cache-aware   cache_aware.h: the holder of the deepest match, until loads differ much (as the generations did)
//   bounded       bounded.h: the deepest match at a worker whose queue is near the mean; else by load
//   round-robin   each worker in turn, whatever it holds: what the others are compared with
//
// The queue of a worker is cluster-wide (fleet.h). Every path inserts.
// Threads: any; no state but the options, and the turn of round-robin. Errors: none. Allocates nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "impl/base/ids.h"
#include "impl/route/fleet.h"
#include "impl/tree/tree.h"

namespace prefixmesh {

struct PolicyOptions {
  std::string policy = "cache-aware";
  double cache_threshold = 0.3;    // share of the prompt that must match for the cache to decide
  std::uint64_t balance_abs = 64;  // cache-aware: requests in flight
  double balance_rel = 1.5;
  std::string ties = "index";  // cache-aware: which of equally loaded holders
  double load_factor = 1.25;   // bounded: times the mean queue
  friend bool operator==(const PolicyOptions&, const PolicyOptions&) = default;
};

enum class DecisionReason : std::uint8_t { kNone, kCache, kMinLoad, kBalance, kFallback };
inline constexpr std::size_t kDecisionReasonCount = 5;
const char* DecisionReasonName(DecisionReason reason);

struct Choice {
  std::optional<WorkerIndex> worker;
  DecisionReason reason = DecisionReason::kNone;
};

// What a policy sees besides the match.
struct RouteView {
  std::span<const WorkerIndex> candidates;  // that serve the model, ascending
  const Fleet& fleet;
  std::uint64_t random_bits = 0;  // uniform over 64 bits
  std::uint64_t turn = 0;         // of this router: one more each time
  double burst = 1;               // in how many at a time requests come to it (bursts.h)
};

enum class Policy : std::uint8_t { kCacheAware, kBounded, kRoundRobin };
// `name` is one of the settings' (router_settings.h).
Policy PolicyOf(const std::string& name);

Choice ChooseWorker(Policy policy, const PolicyOptions& options, const TreeMatch& match, const RouteView& view);

}  // namespace prefixmesh
