// policy.h — start here for routing, step 3 of a request: the cache-aware choice of a worker.
//
//   no healthy worker of the model                       → nobody
//   loads out of balance (max − min > abs and max > rel·min) → the least loaded healthy worker    (balance)
//   match share from the threshold on, a healthy holder  → the least loaded healthy holder        (cache)
//   match share from the threshold on, no healthy holder → the least loaded healthy worker        (fallback)
//   otherwise                                            → the least loaded healthy worker        (min_load)
//
// Every path inserts. Load is cluster-wide (fleet.h). Among equally loaded holders the first by worker index wins,
// which does not depend on arrival order; among equally loaded workers chance decides, so that routers do not herd.
// Threads: any; no state but the options. Errors: none. Allocates nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "impl/base/ids.h"
#include "impl/tree/tree.h"

namespace prefixmesh {

struct PolicyOptions {
  double cache_threshold = 0.3;    // share of the prompt that must match for the cache to decide
  std::uint64_t balance_abs = 64;  // requests in flight
  double balance_rel = 1.5;
};

enum class DecisionReason : std::uint8_t { kNone, kCache, kMinLoad, kBalance, kFallback };
inline constexpr std::size_t kDecisionReasonCount = 5;
const char* DecisionReasonName(DecisionReason reason);

struct Choice {
  std::optional<WorkerIndex> worker;
  DecisionReason reason = DecisionReason::kNone;
};

// What the policy asks of the fleet; the oracle's virtual workers implement it too.
class LoadView {
 public:
  virtual ~LoadView() = default;
  virtual bool Healthy(WorkerIndex worker) const = 0;
  virtual std::uint32_t Load(WorkerIndex worker) const = 0;
};

// `candidates` are the workers that serve the model. `random_bits` is uniform over 64 bits and breaks ties.
Choice ChooseWorker(const PolicyOptions& options, const TreeMatch& match, std::span<const WorkerIndex> candidates,
                    const LoadView& loads, std::uint64_t random_bits);

}  // namespace prefixmesh
