// expected_memory.h — what a router of a strategy is expected to need under a load: for the check before a run, which
// refuses what does not fit the machine unless a cap ends it (limits.router_rss_mib).
//
// Upper estimates from how each strategy grows, within a small factor; a run measures. Threads: any. Errors: none.
#pragma once

#include <cstdint>
#include <string>

#include "loadgen/settings/settings.h"

namespace prefixmesh::bench {

std::uint64_t ExpectedRouterBytes(const std::string& strategy, const load::Settings& settings);

}  // namespace prefixmesh::bench
