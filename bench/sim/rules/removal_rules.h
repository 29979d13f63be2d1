// removal_rules.h — of a prefix that a worker dropped the index has nothing that begins with it, until a request is
// placed there again: where nobody tells a router anything. What a strategy makes of removals is for that strategy's
// rules. That the prefix itself goes at once, whatever the strategy, is seen by SimRouter.
//
// Not where ids collide: there another prefix may stand for the one that went. Threads, ownership, errors: rule.h.
#pragma once

#include "bench/sim/rules/rule.h"

namespace prefixmesh::sim {

class RemovalRules final : public Rule {
 public:
  void Step(const SimMesh& mesh, const Broken& broken) override;
};

}  // namespace prefixmesh::sim
