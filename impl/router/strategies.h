// strategies.h — every strategy by name: what `--strategy` takes, what it is, and what makes one.
//
// The one place a new strategy is added: a row (docs/adding-a-strategy.md). Threads: any. Errors: an unknown name, an
// index kind the strategy cannot run on, or a hazard that it does not have, is a one-line error that names the allowed
// values.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "impl/base/result.h"
#include "impl/router/strategy_memory.h"
#include "impl/sync/generations/constants.h"
#include "impl/sync/generations/hazards.h"
#include "impl/sync/generations/text_tree_view.h"
#include "impl/sync/strategy.h"
#include "impl/sync/two_layer/settings.h"

namespace prefixmesh {

namespace two_layer {
struct Options;
}

struct StrategySettings {
  std::string router;
  Incarnation incarnation;
  std::uint64_t hash_key_id = 0;
  std::uint32_t text_block_bytes = 256;
  std::uint32_t tokens_block_tokens = 16;
  Time text_eviction_period = std::chrono::seconds(120);  // of the text trees, as is
  std::uint64_t text_chars_max = 1u << 26;                // this
  // What a user set, by strategy.
  two_layer::Settings two_layer = {};
  generations::Settings generations = {};
  generations::HazardSet fixed = {};  // generations.fixed, parsed
  // snapshot-ops, capped-ops: called in the midst of a checkpoint. For a simulator; in a router requests just come.
  std::function<void()> while_rebuilding = {};
};

struct StrategyDescription {
  std::string_view name;
  std::string_view summary;
  IndexKind default_index = IndexKind::kBlock;
  bool runs_on_block = false;
  bool runs_on_text = false;
  generations::HazardSet hazards = {};  // that it has, and that can be fixed
  // Null for `off`, which has no state to drive.
  std::function<std::unique_ptr<SyncStrategy>(const StrategySettings& settings, const TextTreeView& view)> make;
  // What a router is expected to hold; what is not said otherwise, the budget of its index.
  double (MemoryEstimate::*memory)() const = &MemoryEstimate::BlockIndex;
};

// What the settings are to two-layer; what they do not name stays at its default.
two_layer::Options TwoLayerOptions(const StrategySettings& settings);

const std::vector<StrategyDescription>& StrategyDescriptions();
Result<StrategyDescription> FindStrategy(std::string_view name);
// `auto`, `block` or `text` for this strategy.
Result<IndexKind> ResolveIndexKind(const StrategyDescription& strategy, std::string_view kind);
// A list of ids (hazards.h), if this strategy has each of them.
Result<generations::HazardSet> ResolveFixed(const StrategyDescription& strategy, std::string_view list);

}  // namespace prefixmesh
