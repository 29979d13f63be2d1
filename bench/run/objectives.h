// objectives.h — what a run has to reach when its scenario says nothing of it: what is told must arrive.
//
// A scenario's own [[slo]] lines stand for themselves (docs/objectives.md); the failed share of the load is added where
// scenarios are read (loadgen/settings/settings.cc), because it does not depend on the strategy.
// Threads, time: none. Ownership: appends to settings.slo. Errors: none.
#pragma once

#include <string_view>

#include "loadgen/settings/settings.h"

namespace prefixmesh::bench {

// Applied, lost and oversize, unless the scenario has objectives of its own beside some about failures and oversize;
// oversize for two-layer in any case, for which nothing is ever above a limit. None twice for one field, and none of
// silence where there is no idle phase.
// None for `off`, which tells nothing, for a router alone, and for prompts shorter than a block: they place nothing.
void AddSyncObjectives(std::string_view strategy, load::Settings& settings);

}  // namespace prefixmesh::bench
