#include "impl/router/strategies.h"

#include "impl/base/did_you_mean.h"
#include "impl/sync/generations/checkpoint/checkpoint.h"
#include "impl/sync/generations/crdt_ops/crdt_ops.h"
#include "impl/sync/generations/full_snapshot/full_snapshot.h"
#include "impl/sync/generations/raw_ops/raw_ops.h"
#include "impl/sync/generations/snapshot_ops/snapshot_ops.h"
#include "impl/sync/generations/tenant_deltas/path_deltas.h"
#include "impl/sync/generations/tenant_deltas/tenant_deltas.h"
#include "impl/sync/two_layer/two_layer.h"

namespace prefixmesh {
namespace {

using generations::Hazard;
using generations::HazardSet;

// Which generation has what: the specification of the generations, §3, and beside it what the code shares. The exports
// of S5b to S5e go out in one batch again (H10) and through the cap (H14); S6 and the drafts d5 to d8 send bodies back
// (H6), and those drafts hold versions of different writers against each other (H4); the drafts d1 to d4 stand on S2.
// What S4 and S5 send are trees, which have no removals: there H13 cannot be fixed.
constexpr HazardSet kAll = {Hazard::kMarkedUnheard, Hazard::kOneSidedBootstrap, Hazard::kValueBytes,
                            Hazard::kEntryChunks};
constexpr HazardSet kPendingOps = {Hazard::kRemoteMovesBase, Hazard::kSharedTrim, Hazard::kWholeReplay,
                                   Hazard::kRoleDecides};
constexpr HazardSet kLists = {Hazard::kRemovalsDropped, Hazard::kOperationCap, Hazard::kWholeStoreBatch, Hazard::kEcho};
constexpr HazardSet kS1 = kAll | kLists | HazardSet{Hazard::kScalarVersion};
constexpr HazardSet kS1b = kS1 | kPendingOps;
constexpr HazardSet kS2 = kS1b;
constexpr HazardSet kS6 =
    kAll | kPendingOps |
    HazardSet{Hazard::kScalarVersion, Hazard::kEcho, Hazard::kLiveCommit, Hazard::kRemovalsDropped};
constexpr HazardSet kS3 = kS6 | HazardSet{Hazard::kWholeStoreBatch};
constexpr HazardSet kS4 = kAll | HazardSet{Hazard::kRoleDecides, Hazard::kScalarVersion, Hazard::kEcho};
constexpr HazardSet kS5 = kS4 | HazardSet{Hazard::kWholeStoreBatch, Hazard::kOperationCap};
constexpr HazardSet kS7 = kAll | HazardSet{Hazard::kRoleDecides, Hazard::kWholeStoreBatch, Hazard::kOperationCap};
constexpr HazardSet kS7Paths = kS2;
constexpr HazardSet kS7Exports = kS7 | HazardSet{Hazard::kEcho, Hazard::kScalarVersion};

// What every generation takes of the settings.
template <typename Options>
Options Common(const StrategySettings& settings) {
  Options options;
  options.self_name = settings.router;
  options.fixed = settings.fixed;
  options.constants = settings.generations;
  return options;
}

using generations::CheckpointForm;
using generations::CrdtOpsPoint;
using generations::FullSnapshotForm;
using generations::PathDeltaDraft;
using generations::TenantDeltaDraft;
using Made = std::unique_ptr<SyncStrategy>;
using Memory = MemoryEstimate;
using Settings = StrategySettings;

template <CrdtOpsPoint point>
Made Crdt(const Settings& settings, const TextTreeView&) {
  auto options = Common<generations::CrdtOpsOptions>(settings);
  options.point = point;
  return std::make_unique<generations::CrdtOps>(options);
}

Made Raw(const Settings& settings, const TextTreeView&) {
  return std::make_unique<generations::RawOps>(Common<generations::RawOpsOptions>(settings));
}

template <bool capped>
Made Snapshots(const Settings& settings, const TextTreeView&) {
  auto options = Common<generations::SnapshotOpsOptions>(settings);
  options.while_rebuilding = settings.while_rebuilding;
  options.capped = capped;
  return std::make_unique<generations::SnapshotOps>(options);
}

template <FullSnapshotForm form>
Made Full(const Settings& settings, const TextTreeView& view) {
  auto options = Common<generations::FullSnapshotOptions>(settings);
  options.form = form;
  return std::make_unique<generations::FullSnapshot>(options, view);
}

template <CheckpointForm form>
Made Checkpoint(const Settings& settings, const TextTreeView& view) {
  auto options = Common<generations::CheckpointOptions>(settings);
  options.form = form;
  return std::make_unique<generations::CheckpointSync>(options, view);
}

template <PathDeltaDraft draft>
Made Paths(const Settings& settings, const TextTreeView&) {
  auto options = Common<generations::PathDeltasOptions>(settings);
  options.draft = draft;
  return std::make_unique<generations::PathDeltas>(options);
}

template <TenantDeltaDraft draft>
Made Deltas(const Settings& settings, const TextTreeView& view) {
  auto options = Common<generations::TenantDeltasOptions>(settings);
  options.text_eviction_period = settings.text_eviction_period;
  options.text_chars_max = settings.text_chars_max;
  options.draft = draft;
  return std::make_unique<generations::TenantDeltas>(options, view);
}

Made Blocks(const Settings& settings, const TextTreeView& view) {
  return std::make_unique<two_layer::TwoLayer>(TwoLayerOptions(settings), view);
}

}  // namespace

two_layer::Options TwoLayerOptions(const StrategySettings& settings) {
  two_layer::Options options;
  options.round_period = Time(static_cast<Time::rep>(settings.two_layer.round_ms * 1e6));
  options.anchors = static_cast<std::uint32_t>(settings.two_layer.anchors);
  options.window_bytes = static_cast<std::uint64_t>(settings.two_layer.window_mib * 1048576);
  options.page_bytes = static_cast<std::uint64_t>(settings.two_layer.peer_round_budget_kib * 1024);
  options.dead_after = Time(static_cast<Time::rep>(settings.two_layer.dead_after_s * 1e9));
  options.hash_key_id = settings.hash_key_id;
  options.text_block_bytes = settings.text_block_bytes;
  options.tokens_block_tokens = settings.tokens_block_tokens;
  options.router = settings.router;
  options.incarnation = settings.incarnation;
  return options;
}

const std::vector<StrategyDescription>& StrategyDescriptions() {
  static const std::vector<StrategyDescription> all = {
      {"off", "routers tell each other nothing", IndexKind::kBlock, true, true, {}, {}},
      {"crdt-ops",
       "the first generation (S1, #825): every request rewrites the list of operations, and the log keeps all",
       IndexKind::kText, false, true, kS1, Crdt<CrdtOpsPoint::k825>, &Memory::CrdtOps},
      {"crdt-ops/a", "the same at #655: as JSON, a log that is never shortened", IndexKind::kText, false, true, kS1,
       Crdt<CrdtOpsPoint::k655>, &Memory::CrdtOpsJson},
      {"crdt-ops/b", "the same at #899: deltas beside the list", IndexKind::kText, false, true, kS1b,
       Crdt<CrdtOpsPoint::k899>, &Memory::CrdtOps},
      {"crdt-ops/c", "the same at #919: the list is rebuilt every 60 s only", IndexKind::kText, false, true, kS1b,
       Crdt<CrdtOpsPoint::k919>, &Memory::CrdtOpsRebuilt},
      {"raw-ops", "the second generation (S2, #961): operations with the whole prompt, once a second", IndexKind::kText,
       false, true, kS2, Raw, &Memory::RawOps},
      {"snapshot-ops", "the third generation (S3): operations as deltas, a snapshot of the tree where the list was",
       IndexKind::kText, false, true, kS3, Snapshots<false>, &Memory::SnapshotOps},
      {"full-snapshot", "the fourth generation (S4): the whole tree, every second that it changed", IndexKind::kText,
       false, true, kS4, Full<FullSnapshotForm::kLive>, &Memory::TreeBodies},
      {"full-snapshot/b", "the same from an export that is made every 10 s", IndexKind::kText, false, true, kS4,
       Full<FullSnapshotForm::kStored>, &Memory::TreeBodies},
      {"checkpoint", "the fifth generation (S5e): the tree exported every 10 s, compressed, dropped above 8 MiB",
       IndexKind::kText, false, true, kS5, Checkpoint<CheckpointForm::kE>, &Memory::TreeBodies},
      {"checkpoint/a", "its first form: uncompressed, exported and sent when idle, too", IndexKind::kText, false, true,
       kS4, Full<FullSnapshotForm::kCheckpoint>, &Memory::TreeBodies},
      {"checkpoint/b", "its second form: a flat list of operations, compressed", IndexKind::kText, false, true, kS5,
       Checkpoint<CheckpointForm::kB>, &Memory::TreeAndListBodies},
      {"checkpoint/c", "its third form: a snapshot, compressed", IndexKind::kText, false, true, kS5,
       Checkpoint<CheckpointForm::kC>, &Memory::TreeBodies},
      {"checkpoint/d", "its fourth form: the same, not while nothing changed", IndexKind::kText, false, true, kS5,
       Checkpoint<CheckpointForm::kD>, &Memory::TreeBodies},
      {"capped-ops", "the sixth generation (S6): at most 200 operations a second and peer, no fallback",
       IndexKind::kText, false, true, kS6, Snapshots<true>, &Memory::SnapshotOps},
      {"tenant-deltas", "the seventh generation (S7) as merged: hashes of prompts, and nothing that repairs them",
       IndexKind::kText, false, true, kS7, Deltas<TenantDeltaDraft::kMerged>, &Memory::TenantDeltas},
      {"tenant-deltas/d1", "its first draft: records with the whole prompt, of which no tree is told", IndexKind::kText,
       false, true, kS7Paths, Paths<PathDeltaDraft::kD1>, &Memory::PathDeltas},
      {"tenant-deltas/d2", "its draft whose records carry the whole prompt: each one resolves", IndexKind::kText, false,
       true, kS7Paths, Paths<PathDeltaDraft::kD2>, &Memory::PathDeltas},
      {"tenant-deltas/d3", "the same, and every 30th round drops its records", IndexKind::kText, false, true, kS7Paths,
       Paths<PathDeltaDraft::kD3>, &Memory::PathDeltas},
      {"tenant-deltas/d4", "the same, and tells what workers drop", IndexKind::kText, false, true, kS7Paths,
       Paths<PathDeltaDraft::kD4>, &Memory::PathDeltas},
      {"tenant-deltas/d5", "its draft with hashes and a flat list of the tree every 10 s, compressed", IndexKind::kText,
       false, true, kS7Exports, Deltas<TenantDeltaDraft::kD5>, &Memory::TenantDeltasAndList},
      {"tenant-deltas/d6", "its draft with hashes and a compressed snapshot of the tree every 10 s", IndexKind::kText,
       false, true, kS7Exports, Deltas<TenantDeltaDraft::kD6>, &Memory::TenantDeltasAndTree},
      {"tenant-deltas/d7", "the same, not while nothing changed, dropped above 8 MiB; versions start again every 60 s",
       IndexKind::kText, false, true, kS7Exports, Deltas<TenantDeltaDraft::kD7>, &Memory::TenantDeltasAndTree},
      {"tenant-deltas/d8", "the same without a copy of prompts that the tree was asked about", IndexKind::kText, false,
       true, kS7Exports, Deltas<TenantDeltaDraft::kD8>, &Memory::TenantDeltasAndTree},
      {"two-layer",
       "placement logs in packed, acknowledged rounds; ids, never text (the default)",
       IndexKind::kBlock,
       true,
       false,
       {},
       Blocks,
       &Memory::TwoLayer},
  };
  return all;
}

Result<StrategyDescription> FindStrategy(std::string_view name) {
  std::vector<std::string> names;
  for (const StrategyDescription& strategy : StrategyDescriptions()) {
    if (strategy.name == name) return strategy;
    names.emplace_back(strategy.name);
  }
  return Invalid(UnknownName("strategy", name, names));
}

Result<IndexKind> ResolveIndexKind(const StrategyDescription& strategy, std::string_view kind) {
  if (kind == "auto") return strategy.default_index;
  if (kind != "block" && kind != "text")
    return Error{ErrorCode::kInvalid, "index.kind '" + std::string(kind) + "': must be auto, block or text"};
  const IndexKind wanted = kind == "block" ? IndexKind::kBlock : IndexKind::kText;
  if (wanted == IndexKind::kBlock ? !strategy.runs_on_block : !strategy.runs_on_text)
    return Error{ErrorCode::kInvalid, "strategy " + std::string(strategy.name) +
                                          " cannot run on index.kind=" + std::string(kind) + "; it runs on " +
                                          (strategy.runs_on_block ? "block" : "text")};
  return wanted;
}

Result<HazardSet> ResolveFixed(const StrategyDescription& strategy, std::string_view list) {
  const Result<HazardSet> fixed = generations::ParseHazards(list);
  if (!fixed.ok()) return fixed.error();
  for (unsigned i = 1; i <= generations::kHazards; ++i) {
    const Hazard hazard = static_cast<Hazard>(i);
    if (!fixed->contains(hazard) || strategy.hazards.contains(hazard)) continue;
    std::string names;
    for (const StrategyDescription& each : StrategyDescriptions())
      if (each.hazards.contains(hazard)) names += (names.empty() ? "" : ", ") + std::string(each.name);
    return Error{ErrorCode::kInvalid, "generations.fixed: " + generations::IdOf(hazard) + " cannot be fixed in " +
                                          std::string(strategy.name) + "; it can in: " + names};
  }
  return fixed;
}

}  // namespace prefixmesh
