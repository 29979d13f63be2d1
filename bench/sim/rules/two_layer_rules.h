// two_layer_rules.h — what only two-layer promises: registers that only rise and only to what workers had, workers that
// are asked when records name another life of theirs, every placement written once, budgets of logs and copies, and an
// index that is a function of windows and registers, minus what was evicted.
//
// Threads, ownership, errors: rule.h.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "bench/sim/rules/ledger.h"
#include "bench/sim/rules/rule.h"

namespace prefixmesh::sim {

// The router runs two-layer.
const two_layer::Replica& ReplicaOf(const SimRouter& router);

class TwoLayerRules final : public Rule {
 public:
  void OnApplied(const SimMesh& mesh, std::size_t node, const ApplyIds& action) override;
  void Step(const SimMesh& mesh, const Broken& broken) override;
  // Registers; positions are any strategy's.
  std::string Differs(const SimMesh& mesh) const override;
  void End(const SimMesh& mesh, const Broken& broken) override;

 private:
  void CheckRegisters(const SimMesh& mesh, std::size_t node, const Broken& broken);
  void CheckAsked(const SimMesh& mesh, std::size_t node, const Broken& broken);
  void CheckBudgets(const SimMesh& mesh, std::size_t node, const Broken& broken) const;

  Ledger ledger_;
  std::map<std::pair<std::uint64_t, std::string>, Incarnation> registers_seen_;  // by life of the router, and worker
  std::map<std::pair<std::uint64_t, std::string>, Time> ahead_since_;            // the same
};

}  // namespace prefixmesh::sim
