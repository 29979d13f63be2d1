// position_rules.h — for strategies that keep logs and say where they stand in them: no copy goes backwards, none is
// ahead of its owner, none is of a log that nobody wrote, and copies of the same range hold the same. Convergence alone
// is nearly blind to all of it.
//
// Threads, ownership, errors: rule.h. Bounds: one entry per range that was ever seen.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "bench/sim/rules/rule.h"

namespace prefixmesh::sim {

class PositionRules final : public Rule {
 public:
  void OnApplied(const SimMesh& mesh, std::size_t node, const ApplyIds& action) override;
  void Step(const SimMesh& mesh, const Broken& broken) override;
  std::string Differs(const SimMesh& mesh) const override;
  void End(const SimMesh& mesh, const Broken& broken) override;

 private:
  using Key = std::pair<std::string, Incarnation>;
  struct Copy {
    std::uint64_t copy = 0;
    std::uint32_t floor = 1, head = 1;
  };
  void NoteOwn(const SimRouter& router);
  std::string Check(const SimMesh& mesh, const LogPosition& log, std::uint64_t life);

  std::map<Key, std::pair<std::uint32_t, std::uint32_t>> owners_;                // floor, head
  std::map<std::tuple<Key, std::uint32_t, std::uint32_t>, std::uint64_t> sums_;  // by log, floor and head
  std::map<std::pair<std::uint64_t, Key>, Copy> seen_;                           // by life of the router, and log
};

// A log whose owner is not among the routers that count, and who still has it; empty: there is none.
std::string LogOfNobody(const SimMesh& mesh);

}  // namespace prefixmesh::sim
