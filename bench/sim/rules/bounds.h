// bounds.h — whatever the strategy: indexes and queues stay within their bounds, undamaged frames decode, damage is
// noticed, and nothing is above a limit on frames.
//
// Threads, ownership, errors: rule.h.
#pragma once

#include "bench/sim/rules/rule.h"

namespace prefixmesh::sim {

class Bounds final : public Rule {
 public:
  void Step(const SimMesh& mesh, const Broken& broken) override;
  void End(const SimMesh& mesh, const Broken& broken) override;
};

}  // namespace prefixmesh::sim
