// text_actions.h — what a strategy on text trees wants changed outside itself, done to the trees; and the trees as such
// strategies exchange them: workers by name on the wire, by index in the tree. The router process and the simulator run
// this same code.
//
// Threads: any for the functions, the tree's own lock is held for the whole pass; the class is the mesh loop's.
// Ownership: borrows fleet and trees; a snapshot owns its text. Time: none; recency is the trees' own. Errors: none;
// what speaks of a model that no worker serves, or of a worker that the fleet has no room for, is left out. Bounds:
// those of the tree.
#pragma once

#include "impl/mesh/mesh.h"
#include "impl/route/fleet.h"
#include "impl/router/tree_set.h"
#include "impl/sync/generations/text_tree_view.h"
#include "impl/tree/text_tree.h"
#include "impl/wire/tree_snapshot.h"

namespace prefixmesh {

class TextActions final : public MeshSink {
 public:
  // The trees hold text.
  TextActions(Fleet& fleet, const TreeSet& trees) : fleet_(fleet), trees_(trees) {}

  void Apply(ApplyPrompt action) override;
  void Apply(const ApplySnapshot& action) override;
  void Apply(const ForgetTenant& action) override;
  using MeshSink::Apply;

 private:
  Fleet& fleet_;
  const TreeSet& trees_;
};

generations::TreeSnapshot SnapshotOf(const TextTree& tree, const Fleet& fleet);
// `body` is an encoded snapshot; one that is no tree is left out. Read in place, one node at a time.
void MergeInto(TextTree& tree, std::string_view body, Fleet& fleet);
// TextTreeView::SnapshotTextTrees.
void SnapshotTextTrees(const TreeSet& trees, const Fleet& fleet, std::string_view model,
                       TextTreeView::SnapshotSink sink);

}  // namespace prefixmesh
