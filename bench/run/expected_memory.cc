#include "bench/run/expected_memory.h"

#include "impl/router/strategies.h"

namespace prefixmesh::bench {
namespace {

constexpr double kMiB = 1 << 20;
// A router before its first request.
constexpr double kProcessBytes = 40 * kMiB;

}  // namespace

std::uint64_t ExpectedRouterBytes(const std::string& strategy, const load::Settings& settings) {
  const Result<StrategyDescription> description = FindStrategy(strategy);
  if (!description.ok()) return 0;
  const double seconds = settings.phases.warmup_s + settings.phases.load_s;
  const double own_rps = settings.load.rps / static_cast<double>(settings.routers.count);
  const LoadShape load{.prompt_bytes = static_cast<double>(settings.prompt_bytes()),
                       .shared = settings.prompt.shared,
                       .templates = static_cast<double>(settings.prompt.templates),
                       .requests = settings.load.rps * seconds,
                       .own_requests = own_rps * seconds,
                       .own_rps = own_rps,
                       .index_budget_bytes = settings.index.budget_mib * kMiB,
                       .window_bytes = settings.two_layer.window_mib * kMiB};
  const MemoryEstimate estimate{load, settings.generations};
  return static_cast<std::uint64_t>(kProcessBytes + (estimate.*description->memory)());
}

}  // namespace prefixmesh::bench
