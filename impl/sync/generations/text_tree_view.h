// text_tree_view.h — what strategies on text trees may read beside the rest: copies of the trees themselves.
//
// Threads: the mesh loop. Ownership: a snapshot owns its text. Time: one copy of all edges at a time. Errors: none;
// where the trees hold no text there is nothing to call for. Bounds: those of a tree.
#pragma once

#include <string>
#include <string_view>

#include "impl/base/function_ref.h"
#include "impl/sync/strategy.h"
#include "impl/wire/tree_snapshot.h"

namespace prefixmesh {

class TextTreeView : public StrategyView {
 public:
  using SnapshotSink = FunctionRef<void(const std::string& model, generations::TreeSnapshot snapshot)>;
  // Calls sink(model, snapshot) for the model's text tree, or with no name for each, by model, ascending.
  virtual void SnapshotTextTrees(std::string_view /*model*/, SnapshotSink) const {}
};

}  // namespace prefixmesh
