#include "impl/node/strategies.h"

#include "impl/base/check.h"
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
// What S4 and S5 send are trees, which have no removals: there H13 cannot be mended.
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

}  // namespace

const std::vector<StrategyDescription>& StrategyDescriptions() {
  static const std::vector<StrategyDescription> all = {
      {"off", "routers tell each other nothing", IndexKind::kBlock, true, true},
      {"crdt-ops",
       "the first generation (S1, #825): every request rewrites the list of operations, and the log keeps all",
       IndexKind::kText, false, true, kS1},
      {"crdt-ops/a", "the same at #655: as JSON, a log that is never shortened", IndexKind::kText, false, true, kS1},
      {"crdt-ops/b", "the same at #899: deltas beside the list", IndexKind::kText, false, true, kS1b},
      {"crdt-ops/c", "the same at #919: the list is rebuilt every 60 s only", IndexKind::kText, false, true, kS1b},
      {"raw-ops", "the second generation (S2, #961): operations with the whole prompt, once a second", IndexKind::kText,
       false, true, kS2},
      {"snapshot-ops", "the third generation (S3): operations as deltas, a snapshot of the tree where the list was",
       IndexKind::kText, false, true, kS3},
      {"full-snapshot", "the fourth generation (S4): the whole tree, every second that it changed", IndexKind::kText,
       false, true, kS4},
      {"full-snapshot/b", "the same from an export that is made every 10 s", IndexKind::kText, false, true, kS4},
      {"checkpoint", "the fifth generation (S5e): the tree exported every 10 s, compressed, dropped above 8 MiB",
       IndexKind::kText, false, true, kS5},
      {"checkpoint/a", "its first form: uncompressed, exported and sent when idle, too", IndexKind::kText, false, true,
       kS4},
      {"checkpoint/b", "its second form: a flat list of operations, compressed", IndexKind::kText, false, true, kS5},
      {"checkpoint/c", "its third form: a snapshot, compressed", IndexKind::kText, false, true, kS5},
      {"checkpoint/d", "its fourth form: the same, not while nothing changed", IndexKind::kText, false, true, kS5},
      {"capped-ops", "the sixth generation (S6): at most 200 operations a second and peer, no fallback",
       IndexKind::kText, false, true, kS6},
      {"tenant-deltas", "the seventh generation (S7) as merged: hashes of prompts, and nothing that repairs them",
       IndexKind::kText, false, true, kS7},
      {"tenant-deltas/d1", "its first draft: records with the whole prompt, of which no tree is told", IndexKind::kText,
       false, true, kS7Paths},
      {"tenant-deltas/d2", "its draft whose records carry the whole prompt: each one resolves", IndexKind::kText, false,
       true, kS7Paths},
      {"tenant-deltas/d3", "the same, and every 30th round drops its records", IndexKind::kText, false, true, kS7Paths},
      {"tenant-deltas/d4", "the same, and takes evictions, which nobody sends", IndexKind::kText, false, true,
       kS7Paths},
      {"tenant-deltas/d5", "its draft with hashes and a flat list of the tree every 10 s, compressed", IndexKind::kText,
       false, true, kS7Exports},
      {"tenant-deltas/d6", "its draft with hashes and a compressed snapshot of the tree every 10 s", IndexKind::kText,
       false, true, kS7Exports},
      {"tenant-deltas/d7", "the same, not while nothing changed, dropped above 8 MiB; versions start again every 60 s",
       IndexKind::kText, false, true, kS7Exports},
      {"tenant-deltas/d8", "the same without a copy of prompts that the tree was asked about", IndexKind::kText, false,
       true, kS7Exports},
      {"two-layer", "placement logs in packed, acknowledged rounds; ids, never text (the default)", IndexKind::kBlock,
       true, false},
  };
  return all;
}

Result<StrategyDescription> FindStrategy(std::string_view name) {
  std::string names;
  for (const StrategyDescription& strategy : StrategyDescriptions()) {
    if (strategy.name == name) return strategy;
    names += (names.empty() ? "" : ", ") + std::string(strategy.name);
  }
  return Error{ErrorCode::kInvalid, "unknown strategy '" + std::string(name) + "'; there are: " + names};
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

Result<HazardSet> ResolveMended(const StrategyDescription& strategy, std::string_view list) {
  const Result<HazardSet> mended = generations::ParseHazards(list);
  if (!mended.ok()) return mended.error();
  for (unsigned i = 1; i <= generations::kHazards; ++i) {
    const Hazard hazard = static_cast<Hazard>(i);
    if (!mended->contains(hazard) || strategy.hazards.contains(hazard)) continue;
    std::string names;
    for (const StrategyDescription& each : StrategyDescriptions())
      if (each.hazards.contains(hazard)) names += (names.empty() ? "" : ", ") + std::string(each.name);
    return Error{ErrorCode::kInvalid, "generations.mended: " + generations::IdOf(hazard) + " cannot be mended in " +
                                          std::string(strategy.name) + "; it can in: " + names};
  }
  return mended;
}

std::unique_ptr<SyncStrategy> MakeStrategy(std::string_view name, const StrategySettings& settings,
                                           const StrategyView& view) {
  if (name == "off") return nullptr;
  if (name.starts_with("crdt-ops")) {
    generations::CrdtOpsOptions crdt;
    crdt.self_name = settings.router;
    crdt.mended = settings.mended;
    crdt.constants = settings.constants;
    if (name == "crdt-ops/a") crdt.point = generations::CrdtOpsPoint::k655;
    if (name == "crdt-ops/b") crdt.point = generations::CrdtOpsPoint::k899;
    if (name == "crdt-ops/c") crdt.point = generations::CrdtOpsPoint::k919;
    return std::make_unique<generations::CrdtOps>(crdt);
  }
  if (name == "raw-ops") {
    generations::RawOpsOptions raw;
    raw.self_name = settings.router;
    raw.mended = settings.mended;
    raw.constants = settings.constants;
    return std::make_unique<generations::RawOps>(raw);
  }
  if (name == "snapshot-ops" || name == "capped-ops") {
    generations::SnapshotOpsOptions ops;
    ops.self_name = settings.router;
    ops.mended = settings.mended;
    ops.constants = settings.constants;
    ops.while_rebuilding = settings.while_rebuilding;
    ops.capped = name == "capped-ops";
    return std::make_unique<generations::SnapshotOps>(ops);
  }
  if (name.starts_with("full-snapshot") || name == "checkpoint/a") {
    generations::FullSnapshotOptions full;
    full.self_name = settings.router;
    full.mended = settings.mended;
    full.constants = settings.constants;
    if (name == "full-snapshot/b") full.form = generations::FullSnapshotForm::kStored;
    if (name == "checkpoint/a") full.form = generations::FullSnapshotForm::kCheckpoint;
    return std::make_unique<generations::FullSnapshot>(full, view);
  }
  if (name.starts_with("checkpoint")) {
    generations::CheckpointOptions checkpoint;
    checkpoint.self_name = settings.router;
    checkpoint.mended = settings.mended;
    checkpoint.constants = settings.constants;
    if (name == "checkpoint/b") checkpoint.form = generations::CheckpointForm::kB;
    if (name == "checkpoint/c") checkpoint.form = generations::CheckpointForm::kC;
    if (name == "checkpoint/d") checkpoint.form = generations::CheckpointForm::kD;
    return std::make_unique<generations::CheckpointSync>(checkpoint, view);
  }
  if (name.starts_with("tenant-deltas/d") && name.back() <= '4') {
    using Draft = generations::PathDeltaDraft;
    constexpr Draft kDrafts[] = {Draft::kD1, Draft::kD2, Draft::kD3, Draft::kD4};
    generations::PathDeltasOptions paths;
    paths.draft = kDrafts[name.back() - '1'];
    paths.self_name = settings.router;
    paths.mended = settings.mended;
    paths.constants = settings.constants;
    return std::make_unique<generations::PathDeltas>(paths);
  }
  if (name.starts_with("tenant-deltas")) {
    using Draft = generations::TenantDeltaDraft;
    constexpr Draft kDrafts[] = {Draft::kD5, Draft::kD6, Draft::kD7, Draft::kD8};
    generations::TenantDeltasOptions deltas;
    deltas.self_name = settings.router;
    deltas.mended = settings.mended;
    deltas.constants = settings.constants;
    deltas.text_eviction_period = settings.text_eviction_period;
    deltas.text_chars_max = settings.text_chars_max;
    if (name != "tenant-deltas") deltas.draft = kDrafts[name.back() - '5'];
    return std::make_unique<generations::TenantDeltas>(deltas, view);
  }
  PREFIXMESH_CHECK(name == "two-layer");
  two_layer::Options options;
  options.round_period = settings.round_period;
  options.anchors = settings.anchors;
  options.window_bytes = settings.window_bytes;
  options.page_bytes = settings.page_bytes;
  options.dead_after = settings.dead_after;
  options.hash_key_id = settings.hash_key_id;
  options.text_block_bytes = settings.text_block_bytes;
  options.tokens_block_tokens = settings.tokens_block_tokens;
  options.router = settings.router;
  options.incarnation = settings.incarnation;
  return std::make_unique<two_layer::TwoLayer>(std::move(options), view);
}

}  // namespace prefixmesh
