// router_settings.h — start here for what a user may set of a router: the sections route, index, limits, and one per
// strategy that has settings. A scenario has the same sections beside its own (loadgen/settings), prefixmesh-router
// takes them from `--settings FILE` and `--set section.name=value`.
//
// A new setting is a member and a row of its part. A strategy's part stands with the strategy.
//
// Threads: values, pure functions. Units: in the names. Ownership: values. Errors: Apply: a hazard that the strategy
// does not have, an index kind that it cannot run on. Bounds: the rows'. Time: none.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "impl/base/result.h"
#include "impl/route/policy.h"
#include "impl/settings/setting.h"
#include "impl/sync/generations/constants.h"
#include "impl/sync/two_layer/settings.h"

namespace prefixmesh {

struct RouterCoreOptions;
struct StrategyDescription;

// What goes no further whatever is set.
inline constexpr std::uint64_t kPromptBytesMax = 8u << 20;

struct IndexSettings {
  std::string kind = "auto";
  std::string source = "routed";
  double budget_mib = 64;
  std::uint64_t block_bytes = 256;
  std::uint64_t block_tokens = 16;
  std::uint64_t text_max_chars = 67108864;
  double text_eviction_s = 120;

  // To workers' KV events.
  bool listens() const { return source != "routed"; }
};

struct PromptLimits {
  std::uint64_t prompt_bytes = 2u << 20;
};

struct RouterSettings {
  PolicyOptions route;
  IndexSettings index;
  PromptLimits limits;
  two_layer::Settings two_layer;
  generations::Settings generations;
};

inline constexpr SettingRow kRouteRows[] = {
    Text<&PolicyOptions::policy>("policy", "cache-aware, bounded, round-robin", "how a worker is chosen"),
    Number<&PolicyOptions::cache_threshold>("cache_threshold", 0, 1, "match share from which the holder is chosen"),
    Number<&PolicyOptions::balance_abs>("balance_abs", 0, 1e9,
                                        "cache-aware: in-flight difference that may trip the load balance"),
    Number<&PolicyOptions::balance_rel>("balance_rel", 1, 1e9, "cache-aware: in-flight ratio that must hold as well"),
    Text<&PolicyOptions::ties>("ties", "index, chance", "cache-aware: which of equally loaded holders is chosen"),
    Number<&PolicyOptions::load_factor>("load_factor", 1, 1e6,
                                        "bounded: a worker is too busy above this times the mean queue"),
};
inline constexpr SettingRow kIndexRows[] = {
    Text<&IndexSettings::kind>("kind", "auto, block, text", "auto: text for the generations, block for the others"),
    Text<&IndexSettings::source>("source", "routed, events, both",
                                 "whom a router believes: itself and its peers, the workers' KV events, or those of "
                                 "workers that tell any and of others itself and its peers"),
    // Tables that hold a little of everything take a quarter of a MiB (block_index.h).
    Number<&IndexSettings::budget_mib>("budget_mib", 0.25, 1 << 20, "budget of a router's block index"),
    Number<&IndexSettings::block_bytes>("block_bytes", 64, 4096, "text bytes of an index block"),
    Number<&IndexSettings::block_tokens>("block_tokens", 16, 1024, "tokens of a block, in index and worker"),
    Number<&IndexSettings::text_max_chars>("text_max_chars", 1024, 1e12, "text index: characters per tenant"),
    Number<&IndexSettings::text_eviction_s>("text_eviction_s", 0.1, 86400, "text index: time between evictions"),
};
inline constexpr SettingRow kPromptLimitRows[] = {
    Number<&PromptLimits::prompt_bytes>("prompt_bytes", 4096, kPromptBytesMax,
                                        "routers and workers refuse a longer prompt"),
};

// `Whole` is RouterSettings, or derives from it.
template <typename Whole>
constexpr std::array<SettingSection, 6> RouterSectionsOf() {
  return {SectionOf<Whole, &Whole::route>("route", kRouteRows),
          SectionOf<Whole, &Whole::index>("index", kIndexRows),
          SectionOf<Whole, &Whole::two_layer>("two_layer", two_layer::kSettingRows),
          SectionOf<Whole, &Whole::generations>("generations", generations::kSettingRows),
          SettingSection{"generations", generations::kConstantRows,
                         [](void* whole) -> void* {
                           generations::Constants& constants = static_cast<Whole*>(whole)->generations;
                           return &constants;
                         }},
          SectionOf<Whole, &Whole::limits>("limits", kPromptLimitRows)};
}
// Those of RouterSettings itself.
std::span<const SettingSection> RouterSections();

// Fills in what the settings say; name, incarnation, workers and peers stay.
Status Apply(const RouterSettings& settings, const StrategyDescription& strategy, RouterCoreOptions& options);

}  // namespace prefixmesh
