#include "impl/route/policy.h"

#include <algorithm>

#include "impl/base/seeded_bug.h"

namespace prefixmesh {

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

Choice ChooseWorker(const PolicyOptions& options, const TreeMatch& match, std::span<const WorkerIndex> candidates,
                    const LoadView& loads, std::uint64_t random_bits) {
  std::uint32_t lowest = UINT32_MAX, highest = 0;
  std::uint32_t tied = 0;
  for (const WorkerIndex worker : candidates) {
    if (!loads.Healthy(worker) && !Seeded(Bug::kcore_health_ignored)) continue;
    const std::uint32_t load = loads.Load(worker);
    if (load < lowest) tied = 0;
    if (load <= lowest) ++tied;
    lowest = std::min(lowest, load);
    highest = std::max(highest, load);
  }
  if (tied == 0) return {};
  const auto least_loaded = [&](DecisionReason reason) -> Choice {
    auto skip = static_cast<std::uint32_t>((static_cast<unsigned __int128>(random_bits) * tied) >> 64);
    for (const WorkerIndex worker : candidates) {
      if (!loads.Healthy(worker) && !Seeded(Bug::kcore_health_ignored)) continue;
      if (loads.Load(worker) > lowest) continue;
      if (skip-- == 0) return {worker, reason};
    }
    // Loads moved while we looked: any healthy worker is as good.
    for (const WorkerIndex worker : candidates)
      if (loads.Healthy(worker)) return {worker, reason};
    return {};
  };

  const bool unbalanced =
      highest - lowest > options.balance_abs && static_cast<double>(highest) > options.balance_rel * lowest;
  if (unbalanced) return least_loaded(DecisionReason::kBalance);

  const double matched = static_cast<double>(match.matched_bytes);
  if (match.holders.empty() || match.matched_bytes == 0 ||
      matched < options.cache_threshold * static_cast<double>(match.prompt_bytes))
    return least_loaded(DecisionReason::kMinLoad);
  std::optional<WorkerIndex> best;
  std::uint32_t best_load = UINT32_MAX;
  for (const WorkerIndex holder : match.holders) {
    if (!loads.Healthy(holder) || !std::binary_search(candidates.begin(), candidates.end(), holder)) continue;
    const std::uint32_t load = loads.Load(holder);
    if (load < best_load) {
      best = holder;
      best_load = load;
    }
  }
  if (!best) return least_loaded(DecisionReason::kFallback);
  return {best, DecisionReason::kCache};
}

}  // namespace prefixmesh
