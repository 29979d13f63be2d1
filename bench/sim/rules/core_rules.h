// core_rules.h — what the router core owes whatever the strategy: it counts as many requests in flight at each worker
// as are under way there, it knows within seconds which workers are up and
// under which incarnation, it places requests at healthy ones, and what it
// refuses leaves no trace.
//
// Threads, ownership, errors: rule.h.
#pragma once

#include "bench/sim/rules/rule.h"

namespace prefixmesh::sim {

class CoreRules final : public Rule {
 public:
  void Step(const SimMesh& mesh, const Broken& broken) override;
  void End(const SimMesh& mesh, const Broken& broken) override;
};

}  // namespace prefixmesh::sim
