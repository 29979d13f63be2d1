// worker_registers.h — the incarnation that counts of each worker: only the highest one known is alive, so a higher one
// clears what was known of the worker's cache.
//
// Threads: any. Ownership: borrows fleet and trees. Errors: a value that no worker can have is refused and counted.
// Time: none. Bounds: the fleet's.
#pragma once

#include <atomic>
#include <cstdint>

#include "impl/route/fleet.h"
#include "impl/router/tree_set.h"

namespace prefixmesh {

class WorkerRegisters {
 public:
  WorkerRegisters(Fleet& fleet, TreeSet& trees) : fleet_(fleet), trees_(trees) {}

  // False, and counted: no worker has such an incarnation.
  bool Accept(Incarnation incarnation) {
    if (incarnation <= kWorkerIncarnationMax) return true;
    refused_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  // The register rises first: a placement that is decided meanwhile is announced as the new incarnation's, and is at
  // worst cleared here.
  RegisterChange Raise(WorkerIndex worker, Incarnation incarnation) {
    const RegisterChange change = fleet_.RaiseIncarnation(worker, incarnation);
    if (change != RegisterChange::kNone) trees_.RaiseIncarnation(worker, incarnation, change == RegisterChange::kFirst);
    return change;
  }
  std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  Fleet& fleet_;
  TreeSet& trees_;
  std::atomic<std::uint64_t> refused_{0};
};

}  // namespace prefixmesh
