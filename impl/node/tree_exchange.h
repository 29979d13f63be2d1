// tree_exchange.h — a text tree as the generations exchange it: workers by name on the wire, by index in the tree.
//
// Threads: any; the tree's own lock is held for the whole pass. Ownership: a snapshot owns its text. Time: none.
// Errors: none; a name that the fleet has no room for is left out. Bounds: those of the tree.
#pragma once

#include "impl/route/fleet.h"
#include "impl/tree/text_tree.h"
#include "impl/wire/tree_snapshot.h"

namespace prefixmesh {

generations::TreeSnapshot SnapshotOf(const TextTree& tree, const Fleet& fleet);
// The snapshot is a tree (generations::IsTree).
void MergeInto(TextTree& tree, const generations::TreeSnapshot& snapshot, Fleet& fleet);

}  // namespace prefixmesh
