#include "impl/router/router_settings.h"

#include "impl/router/router_core.h"

namespace prefixmesh {

std::span<const SettingSection> RouterSections() {
  static constexpr std::array<SettingSection, 6> kSections = RouterSectionsOf<RouterSettings>();
  return kSections;
}

Status Apply(const RouterSettings& settings, const StrategyDescription& strategy, RouterCoreOptions& options) {
  const Result<IndexKind> kind = ResolveIndexKind(strategy, settings.index.kind);
  if (!kind.ok()) return kind.error();
  const Result<generations::HazardSet> fixed = ResolveFixed(strategy, settings.generations.fixed);
  if (!fixed.ok()) return fixed.error();
  const bool listens = settings.index.listens();
  const bool believes = settings.index.source == "events";
  if (believes && *kind != IndexKind::kBlock)
    return Invalid("index.source: events are of blocks, and " + std::string(strategy.name) +
                   (strategy.runs_on_block ? " was given index.kind=" + settings.index.kind : " runs on text"));
  options.strategy = strategy;
  options.trees.source = !listens ? IndexSource::kRouted : believes ? IndexSource::kEvents : IndexSource::kBoth;
  options.policy = settings.route;
  options.prompt_bytes_max = settings.limits.prompt_bytes;
  options.trees.kind = *kind;
  options.trees.budget_bytes = static_cast<std::uint64_t>(settings.index.budget_mib * 1048576);
  options.trees.hash.text_block_bytes = static_cast<std::uint32_t>(settings.index.block_bytes);
  options.trees.hash.tokens_block_tokens = static_cast<std::uint32_t>(settings.index.block_tokens);
  options.trees.text_chars_max = settings.index.text_max_chars;
  options.eviction_period = Time(static_cast<Time::rep>(settings.index.text_eviction_s * 1e9));
  options.strategy_settings.two_layer = settings.two_layer;
  options.strategy_settings.generations = settings.generations;
  options.strategy_settings.fixed = *fixed;
  return {};
}

}  // namespace prefixmesh
