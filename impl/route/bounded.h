// bounded.h — the policy that does not herd: the cache decides among workers that are not too busy.
//
//   queue(w)       requests in flight there, from all routers (fleet.h), and for each that this router placed there
//                  just now as many more as there are peers: of a burst they got the like, and are not heard yet
//   bound          max(⌈factor · mean queue⌉, ⌊mean queue⌋ + 1)
//   admissible(w)  healthy, and queue(w) + 1 ≤ max(slots, bound); where the worker did not tell its slots, ≤ bound + 1
//
//   the deepest of kLevelsMax levels of the match, from the threshold on, with an admissible holder → one of them
//   (cache) a match from the threshold on, but no such holder                                     → any admissible
//   (fallback) otherwise                                                                             → any admissible
//   (min_load)
//
// "One of" is the better of two that chance picks: of less lately · 2 + queue · 3, then by chance. With the best of
// all, routers that do not know of each other's last choices would all take the same.
//
// A prefix with more than two holders is one that many prompts share. Of those, one that was chosen lately more than
// ⌈kSpread · mean⌉ times is left out, so that a busy prefix comes to more workers: left to the queues alone, they stay
// with the few that had them first, whose own conversations then find no place. One that told its slots and uses less
// than half of them is left out above the mean only. Where requests come in bursts (bursts.h), all holders of such a
// prefix are left out as often as they have no room, together, for kBurstSpread · routers · (size − 1) requests. Of
// holders at most kHoldersMax are looked at, from a random one on. The queue of the least busy is below the bound, so
// there is always somebody.
//
// Sources: bounded loads: Mirrokni, Thorup, Zadimoghaddam, "Consistent Hashing with Bounded Loads" (SODA 2018); two
// choices: Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing" (IEEE TPDS 2001); prefix match against
// load: Srivatsa et al., "Preble: Efficient Distributed Prompt Scheduling for LLM Serving" (ICLR 2025).
// Threads: any, no state. Errors: none. Allocates nothing itself; the tree's list of holders grows to the largest
// level. Time: one pass over the candidates; two more where no holder is taken.
#pragma once

#include "impl/route/policy.h"

namespace prefixmesh {

inline constexpr std::size_t kHoldersMax = 32;
inline constexpr int kLevelsMax = 4;
// Found on virtual time (`prefixmesh fleet`). kSpread: 0.5 gives away hits, 1 leaves workers idle. kBurstSpread: with
// 2, chance alone makes lines of 13 where a burst of 64 meets 16 routers.
inline constexpr double kSpread = 0.75, kBurstSpread = 4;

Choice ChooseBounded(const PolicyOptions& options, const TreeMatch& match, const RouteView& view);

}  // namespace prefixmesh
