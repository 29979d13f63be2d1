// tenant_deltas_node.h — a router of the seventh generation, as merged or as a draft, and what goes between two of
// them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "impl/sync/generations/tenant_deltas/tenant_deltas.h"
#include "impl/wire/path_hash.h"
#include "tests/impl/sync/generations/generation_node.h"

namespace prefixmesh::generations::test {

inline std::unique_ptr<GenerationNode> MakeNode(const TenantDeltasOptions& options = {.self_name = "a"}) {
  return std::make_unique<GenerationNode>(
      [&](const TextTreeView& view) { return std::make_unique<TenantDeltas>(options, view); });
}
inline const TenantDeltasOptions kD6{.draft = TenantDeltaDraft::kD6, .self_name = "a"};
inline TenantDeltasOptions Draft(TenantDeltaDraft draft) { return {.draft = draft, .self_name = "a"}; }
inline constexpr TenantDeltaDraft kDrafts[] = {TenantDeltaDraft::kD5, TenantDeltaDraft::kD6, TenantDeltaDraft::kD7,
                                               TenantDeltaDraft::kD8};

inline std::uint64_t Hash(const std::string& prompt) { return PathHash(Slices(AsBytes(prompt))); }
inline TenantDelta DeltaOf(const std::vector<std::string>& frames) {
  const Value value = OnlyValue(frames);
  REQUIRE(value.tag == kTenantDeltaTag);
  return *DecodeTenantDelta(AsBytes(value.config));
}
inline std::string FrameOf(const TenantDelta& delta) {
  return FrameWith(kTenantDeltaTag, Encode(delta), delta.version);
}

}  // namespace prefixmesh::generations::test
