// run.h — one simulated run while it lasts: the mesh, the rules, how far it is, and the first rule that broke.
//
// Threads: one. Ownership: owns mesh and rules. Time: virtual, in steps of 250 ms, after each of which the rules look.
// Errors: broken(). Bounds: none.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/sim/rules/rule.h"
#include "bench/sim/sim_mesh.h"

namespace prefixmesh::sim {

class Run {
 public:
  static constexpr Time kStep = std::chrono::milliseconds(250);

  // The rules are those that hold for this strategy.
  Run(const Swarm& swarm, const StrategyDescription& strategy, std::uint64_t seed);

  SimMesh& mesh() { return mesh_; }
  const Swarm& swarm() const { return mesh_.swarm(); }
  Time at() const { return at_; }
  bool ok() const { return broken_.empty(); }
  const std::string& broken() const { return broken_; }
  // The first one counts.
  void Break(const std::string& what);

  void Advance();
  // Until then, or a rule breaks.
  void AdvanceTo(Time until);
  // Until all agree, at most until then.
  void AdvanceToAgreement(Time until);
  // What keeps the routers from agreement; empty: nothing.
  std::string Differs() const;
  // The rules' last look.
  void End();

 private:
  SimMesh mesh_;
  std::vector<std::unique_ptr<Rule>> rules_;
  Time at_{0};
  std::string broken_;
};

}  // namespace prefixmesh::sim
