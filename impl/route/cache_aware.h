// cache_aware.h — the policy that the generations had:
//
//   no healthy worker of the model                       → nobody
//   loads out of balance (max − min > abs and max > rel·min) → the least loaded healthy worker    (balance)
//   match share from the threshold on, a healthy holder  → the least loaded healthy holder        (cache)
//   match share from the threshold on, no healthy holder → the least loaded healthy worker        (fallback)
//   otherwise                                            → the least loaded healthy worker        (min_load)
//
// Among equally loaded holders the first by worker index wins, which does not depend on arrival order, or with
// ties = chance any; among equally loaded workers chance decides, so that routers do not herd.
// Threads: any, no state. Errors: none. Allocates nothing.
#pragma once

#include "impl/route/policy.h"

namespace prefixmesh {

Choice ChooseCacheAware(const PolicyOptions& options, const TreeMatch& match, const RouteView& view);

}  // namespace prefixmesh
