// strategy_memory.h — what a router is expected to hold for a strategy under a load, beside the process itself.
//
// Upper estimates from how each strategy grows, within a small factor; a run measures. They are for the check before a
// run, which refuses what does not fit the machine. Each is named in its strategy's row (strategies.cc).
//
// Threads: any. Ownership: values. Units: bytes, requests, seconds. Errors: none.
#pragma once

#include "impl/sync/generations/constants.h"

namespace prefixmesh {

// As much of a load as memory depends on.
struct LoadShape {
  double prompt_bytes = 0;
  double shared = 0;  // share of a prompt that all of its template have in common
  double templates = 0;
  double requests = 0;  // of all routers, until the load ends
  double own_requests = 0, own_rps = 0;
  double index_budget_bytes = 0, window_bytes = 0;
};

struct MemoryEstimate {
  const LoadShape& load;
  const generations::Constants& constants;

  // What ids take, whatever the prompts are: the budgets.
  double BlockIndex() const;
  double TwoLayer() const;
  // The text tree of every generation: the unique part of each prompt that it hears of.
  double TextTree() const;
  double CrdtOps() const;
  double CrdtOpsJson() const;
  double CrdtOpsRebuilt() const;  // crdt-ops/c
  double RawOps() const;
  double PathDeltas() const;
  double SnapshotOps() const;
  double TreeBodies() const;
  double TreeAndListBodies() const;
  double TenantDeltas() const;
  double TenantDeltasAndTree() const;
  double TenantDeltasAndList() const;

 private:
  double CheckpointSeconds(std::uint64_t usual_rounds) const;
  double ListPrompts(double lists) const;  // bytes of so many full lists of operations
  double CrdtValues() const;
};

}  // namespace prefixmesh
