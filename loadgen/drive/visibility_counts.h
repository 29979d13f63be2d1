// visibility_counts.h — which requests are probed for visibility (visibility.h), and what became of the pairs.
// Threads: pure. Ownership: values. Errors: none; a share or percentile of nothing is nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "loadgen/plan/plan.h"

namespace prefixmesh::load {

struct VisibilityCounts {
  std::uint64_t requests = 0;      // sampled
  std::uint64_t pairs = 0;         // sampled x other routers
  std::uint64_t already_full = 0;  // of pairs: nothing to learn
  std::uint64_t not_learned = 0;   // of pairs: the router did not insert, or the request was never routed
  std::uint64_t failed = 0;        // of pairs: a probe call failed
  std::uint64_t visible = 0;
  std::uint64_t never = 0;               // not within 5 s
  std::vector<std::int64_t> visible_ns;  // ascending

  // Of visible and never; null without any.
  std::optional<double> VisibleShare() const;
  // Nearest rank over visible and never, where never is infinite: null there.
  std::optional<double> PercentileMs(double percentile) const;
};

// The requests that are sampled: by seed, of the load phase.
std::vector<std::uint32_t> SampleVisibility(const Plan& plan, double share);

}  // namespace prefixmesh::load
