// block_actions.h — what a strategy on block ids wants changed outside itself, done to the block index and the fleet.
// Actions: impl/sync/strategy.h. The router process and the simulator run this same code.
//
// Threads: the mesh loop's; index and fleet have their own locks. Ownership: borrows both. Errors: none; a worker that
// the fleet has no room for is left out. Bounds: those of the index. Time: none.
#pragma once

#include <functional>

#include "impl/mesh/mesh.h"
#include "impl/route/fleet.h"
#include "impl/router/worker_registers.h"
#include "impl/tree/block_index.h"

namespace prefixmesh {

class BlockActions final : public MeshSink {
 public:
  // What a peer says of an own worker makes this router ask it itself.
  struct Ask {
    std::function<void(WorkerIndex worker)> restarted;  // the peer knows another incarnation than it said here
    std::function<void(WorkerIndex worker)> unreached;  // the peer does not reach it
  };

  // `on_applied`, if any, is called after each ApplyIds.
  BlockActions(Fleet& fleet, BlockIndex& index, WorkerRegisters& registers, Ask ask,
               std::function<void(const ApplyIds&)> on_applied = {})
      : fleet_(fleet), index_(index), registers_(registers), ask_(std::move(ask)), on_applied_(std::move(on_applied)) {}

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
  WorkerRegisters& registers_;
  const Ask ask_;
  const std::function<void(const ApplyIds&)> on_applied_;
};

}  // namespace prefixmesh
