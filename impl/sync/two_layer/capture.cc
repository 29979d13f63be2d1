#include "impl/sync/two_layer/capture.h"

#include <algorithm>
#include <vector>

#include "impl/sync/two_layer/window.h"

namespace prefixmesh::two_layer {
namespace {

// Anchors are the ids at 1, 2, 4, … blocks up to `spacing`, then at every `spacing`. Adds those between `from` and the
// leaf, but for one that lies less than half a gap below the branch: the branch names the worker as well.
void AppendAnchors(const PlacementView& placement, std::uint32_t from, std::uint32_t spacing,
                   std::vector<NodeId>& ids) {
  if (spacing == 0) return;
  for (std::uint32_t depth = 1, gap = 1; depth < placement.leaf_depth; depth += gap) {
    const std::uint32_t branch = placement.branch_depth;
    const bool at_branch = branch > 0 && depth >= branch && 2 * (depth - branch) < gap;
    if (depth > from && !at_branch) ids.push_back(placement.blocks[depth - 1]);
    gap = depth < spacing ? std::min(depth, spacing - depth) : spacing;
  }
}

}  // namespace

std::optional<Offer> Capture(const PlacementView& placement, std::uint32_t anchors) {
  if (placement.leaf_depth == 0 || (placement.repeat && !placement.refresh)) return std::nullopt;
  Offer offer;
  offer.model = placement.model;
  offer.kind = placement.kind;
  offer.worker = placement.worker;
  offer.worker_name = placement.worker_name;
  offer.worker_incarnation = placement.worker_incarnation;
  offer.leaf_depth = placement.leaf_depth;
  // What was announced long ago is about to leave the window: then everything is said again, anchors included.
  const bool old_branch = placement.branch == Announcement::kOld;
  const std::uint32_t from = placement.refresh || old_branch ? 0 : placement.branch_depth;
  offer.has_branch = placement.branch_depth > 0 && placement.branch_depth < placement.leaf_depth &&
                     placement.branch != Announcement::kFresh;
  constexpr std::size_t kIdsUsual = 16;
  offer.ids.reserve(kIdsUsual);
  if (offer.has_branch) offer.ids.push_back(placement.blocks[placement.branch_depth - 1]);
  // A prompt so long that it has more anchors than a record may name gets them wider apart.
  const std::size_t before = offer.ids.size();
  for (std::uint32_t spacing = anchors;; spacing *= 2) {
    AppendAnchors(placement, from, spacing, offer.ids);
    if (offer.ids.size() < kRecordIdsMax) break;
    offer.ids.resize(before);
  }
  offer.ids.push_back(placement.blocks[placement.leaf_depth - 1]);
  return offer;
}

}  // namespace prefixmesh::two_layer
