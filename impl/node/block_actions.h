// block_actions.h — what a strategy on block ids wants changed outside itself, done to the block index and the fleet.
// Actions: impl/sync/strategy.h. The router process and the simulator run this same code.
//
// Threads: the mesh loop's; index and fleet have their own locks. Ownership: borrows both. Errors: none; a worker that
// the fleet has no room for is left out. Bounds: those of the index. Time: none.
#pragma once

#include <functional>

#include "impl/mesh/mesh.h"
#include "impl/route/fleet.h"
#include "impl/tree/block_index.h"

namespace prefixmesh {

class BlockActions : public MeshSink {
 public:
  // A peer knows another life of this own worker than it told here: it is to be asked.
  using CheckFunction = std::function<void(WorkerIndex worker)>;

  BlockActions(Fleet& fleet, BlockIndex& index, CheckFunction check)
      : fleet_(fleet), index_(index), check_(std::move(check)) {}

  void Apply(const ApplyIds& action) override;
  void Apply(const RetractIds& action) override;
  void Apply(const RetractBelow& action) override;
  void Apply(const MoveRefreshMark& action) override;
  void Apply(const ApplyLoad& action) override;
  void Apply(const ForgetLoads& action) override;
  void Apply(const ApplyRegister& action) override;
  using MeshSink::Apply;

 private:
  Fleet& fleet_;
  BlockIndex& index_;
  const CheckFunction check_;
};

}  // namespace prefixmesh
