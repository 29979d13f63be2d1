// capture.h — what of a placement is news to the mesh, and which block ids say it: branch, coarse anchors, leaf.
//
// Threads: any, no state; runs on request threads. Ownership: the offer owns what it names. Errors: none.
// Bounds: kRecordIdsMax ids.
#pragma once

#include <cstdint>
#include <optional>

#include "impl/sync/placement.h"

namespace prefixmesh::two_layer {

// `anchors`: their spacing, as in Options. Nothing: no whole block, or the mesh knows it.
std::optional<Offer> Capture(const PlacementView& placement, std::uint32_t anchors);

}  // namespace prefixmesh::two_layer
