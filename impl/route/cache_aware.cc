#include "impl/route/cache_aware.h"

#include <algorithm>

#include "impl/base/prng.h"
#include "impl/base/seeded_bug.h"

namespace prefixmesh {
namespace {

// One of `count`, evenly.
std::uint32_t Pick(std::uint64_t random_bits, std::uint32_t count) {
  return static_cast<std::uint32_t>((static_cast<unsigned __int128>(random_bits) * count) >> 64);
}

}  // namespace

Choice ChooseCacheAware(const PolicyOptions& options, const TreeMatch& match, const RouteView& view) {
  const Fleet& fleet = view.fleet;
  const std::span<const WorkerIndex> candidates = view.candidates;
  std::uint32_t lowest = UINT32_MAX, highest = 0;
  std::uint32_t tied = 0;
  for (const WorkerIndex worker : candidates) {
    if (!fleet.healthy(worker) && !Seeded(Bug::kcore_health_ignored)) continue;
    const std::uint32_t load = fleet.load(worker);
    if (load < lowest) tied = 0;
    if (load <= lowest) ++tied;
    lowest = std::min(lowest, load);
    highest = std::max(highest, load);
  }
  if (tied == 0) return {};
  const auto least_loaded = [&](DecisionReason reason) -> Choice {
    std::uint32_t skip = Pick(view.random_bits, tied);
    for (const WorkerIndex worker : candidates) {
      if (!fleet.healthy(worker) && !Seeded(Bug::kcore_health_ignored)) continue;
      if (fleet.load(worker) > lowest) continue;
      if (skip-- == 0) return {worker, reason};
    }
    // Loads moved while we looked: any healthy worker is as good.
    for (const WorkerIndex worker : candidates)
      if (fleet.healthy(worker)) return {worker, reason};
    return {};
  };

  const bool unbalanced =
      highest - lowest > options.balance_abs && static_cast<double>(highest) > options.balance_rel * lowest;
  if (unbalanced) return least_loaded(DecisionReason::kBalance);

  const double matched = static_cast<double>(match.matched_bytes);
  if (match.holders.empty() || match.matched_bytes == 0 ||
      matched < options.cache_threshold * static_cast<double>(match.prompt_bytes))
    return least_loaded(DecisionReason::kMinLoad);
  const bool by_chance = options.ties == "chance";
  std::optional<WorkerIndex> best;
  std::uint32_t best_load = UINT32_MAX, best_tied = 0;
  for (const WorkerIndex holder : match.holders) {
    if (!fleet.healthy(holder) || !std::binary_search(candidates.begin(), candidates.end(), holder)) continue;
    const std::uint32_t load = fleet.load(holder);
    if (load < best_load) {
      best = holder;
      best_load = load;
      best_tied = 1;
    } else if (by_chance && load == best_load) {
      ++best_tied;
      if (Pick(Mix64(view.random_bits + best_tied), best_tied) == 0) best = holder;
    }
  }
  if (!best) return least_loaded(DecisionReason::kFallback);
  return {best, DecisionReason::kCache};
}

}  // namespace prefixmesh
