// hazards_node.h — a router of each generation with a set of hazards fixed, and the same steps with a hazard and
// without.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "impl/sync/generations/checkpoint/checkpoint.h"
#include "impl/sync/generations/crdt_ops/crdt_ops.h"
#include "impl/sync/generations/full_snapshot/full_snapshot.h"
#include "impl/sync/generations/hazards.h"
#include "impl/sync/generations/raw_ops/raw_ops.h"
#include "impl/sync/generations/snapshot_ops/snapshot_ops.h"
#include "impl/sync/generations/tenant_deltas/path_deltas.h"
#include "impl/sync/generations/tenant_deltas/tenant_deltas.h"
#include "tests/impl/sync/generations/generation_node.h"

namespace prefixmesh::generations::test {

using NodePtr = std::unique_ptr<GenerationNode>;

inline NodePtr Crdt(CrdtOpsPoint point, HazardSet fixed, const std::string& name = "a",
                    const Constants& constants = {}) {
  const CrdtOpsOptions options{.point = point, .self_name = name, .constants = constants, .fixed = fixed};
  return std::make_unique<GenerationNode>([&](const TextTreeView&) { return std::make_unique<CrdtOps>(options); });
}
inline NodePtr Raw(HazardSet fixed, const std::string& name = "a", RawOpsOptions options = {}) {
  options.self_name = name;
  options.fixed = fixed;
  return std::make_unique<GenerationNode>([&](const TextTreeView&) { return std::make_unique<RawOps>(options); });
}
inline NodePtr Snapshots(HazardSet fixed, const std::string& name = "a", SnapshotOpsOptions options = {}) {
  options.self_name = name;
  options.fixed = fixed;
  return std::make_unique<GenerationNode>([&](const TextTreeView&) { return std::make_unique<SnapshotOps>(options); });
}
inline NodePtr Full(FullSnapshotForm form, HazardSet fixed, const std::string& name = "a") {
  const FullSnapshotOptions options{.form = form, .self_name = name, .fixed = fixed};
  return std::make_unique<GenerationNode>(
      [&](const TextTreeView& view) { return std::make_unique<FullSnapshot>(options, view); });
}
inline NodePtr Exports(CheckpointForm form, HazardSet fixed, const std::string& name = "a") {
  const CheckpointOptions options{.form = form, .self_name = name, .fixed = fixed};
  return std::make_unique<GenerationNode>(
      [&](const TextTreeView& view) { return std::make_unique<CheckpointSync>(options, view); });
}
inline NodePtr Tenants(HazardSet fixed, TenantDeltaDraft draft = TenantDeltaDraft::kMerged,
                       const std::string& name = "a") {
  const TenantDeltasOptions options{.draft = draft, .self_name = name, .fixed = fixed};
  return std::make_unique<GenerationNode>(
      [&](const TextTreeView& view) { return std::make_unique<TenantDeltas>(options, view); });
}
inline NodePtr Paths(HazardSet fixed) {
  const PathDeltasOptions options{.self_name = "a", .fixed = fixed};
  return std::make_unique<GenerationNode>([&](const TextTreeView&) { return std::make_unique<PathDeltas>(options); });
}

inline SnapshotOpsOptions Capped() { return {.capped = true}; }

// The same steps, as history had them and fixed.
template <typename Steps>
void BothWays(Hazard hazard, Steps&& steps) {
  for (const bool fixed : {false, true}) {
    INFO(IdOf(hazard) << (fixed ? " fixed" : ""));
    steps(fixed ? HazardSet{hazard} : HazardSet{}, fixed);
  }
}

inline TreeStateDelta DeltaOf(const Value& value) {
  REQUIRE(value.tag == kTreeStateDeltaTag);
  return *DecodeTreeStateDelta(AsBytes(value.config));
}

inline std::vector<TreeOperation> Remote(int first, int count) {
  std::vector<TreeOperation> operations;
  for (int i = first; i < first + count; ++i)
    operations.push_back({.prompt = "remote " + std::to_string(i), .tenant = "w9"});
  return operations;
}
inline std::string RemoteDelta(std::uint64_t base, std::vector<TreeOperation> operations) {
  const std::uint64_t version = base + operations.size();
  return FrameWith(kTreeStateDeltaTag, Encode(TreeStateDelta{"m", std::move(operations), base, version}), version);
}

}  // namespace prefixmesh::generations::test
