#include "loadgen/drive/visibility_counts.h"

#include <algorithm>
#include <cmath>

#include "impl/base/prng.h"

namespace prefixmesh::load {

std::optional<double> VisibilityCounts::VisibleShare() const {
  if (visible + never == 0) return std::nullopt;
  return static_cast<double>(visible) / static_cast<double>(visible + never);
}

std::optional<double> VisibilityCounts::PercentileMs(double percentile) const {
  const std::uint64_t all = visible + never;
  if (all == 0) return std::nullopt;
  const auto rank = static_cast<std::uint64_t>(std::ceil(percentile / 100 * static_cast<double>(all)));
  const std::uint64_t place = std::max<std::uint64_t>(rank, 1) - 1;
  if (place >= visible_ns.size()) return std::nullopt;
  return static_cast<double>(visible_ns[place]) * 1e-6;
}

std::vector<std::uint32_t> SampleVisibility(const Plan& plan, double share) {
  Prng prng = Prng::ForPurpose(plan.seed(), "visibility");
  std::vector<std::uint32_t> sampled;
  for (std::size_t i = 0; i < plan.requests().size(); ++i) {
    const bool taken = prng.Unit() < share;  // drawn for every request, so that the share alone decides
    if (taken && plan.requests()[i].phase == Phase::kLoad) sampled.push_back(static_cast<std::uint32_t>(i));
  }
  return sampled;
}

}  // namespace prefixmesh::load
