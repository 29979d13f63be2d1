#include "bench/sim/run.h"

#include "bench/sim/rules/bounds.h"
#include "bench/sim/rules/core_rules.h"
#include "bench/sim/rules/position_rules.h"
#include "bench/sim/rules/removal_rules.h"
#include "bench/sim/rules/two_layer_rules.h"

namespace prefixmesh::sim {

Run::Run(const Swarm& swarm, const StrategyDescription& strategy, std::uint64_t seed) : mesh_(swarm, strategy, seed) {
  rules_.push_back(std::make_unique<CoreRules>());
  rules_.push_back(std::make_unique<Bounds>());
  rules_.push_back(std::make_unique<PositionRules>());
  rules_.push_back(std::make_unique<RemovalRules>());
  if (mesh_.runs_two_layer()) rules_.push_back(std::make_unique<TwoLayerRules>());
  mesh_.on_applied = [this](std::size_t node, const ApplyIds& action) {
    for (const auto& rule : rules_) rule->OnApplied(mesh_, node, action);
  };
}

void Run::Break(const std::string& what) {
  if (ok()) broken_ = "at " + std::to_string(std::chrono::duration<double>(mesh_.now()).count()) + " s: " + what;
}

void Run::Advance() {
  at_ += kStep;
  mesh_.RunUntil(at_);
  for (const auto& rule : rules_) rule->Step(mesh_, [this](const std::string& what) { Break(what); });
}

void Run::AdvanceTo(Time until) {
  while (ok() && at_ < until) Advance();
}

void Run::AdvanceToAgreement(Time until) {
  while (ok() && at_ < until && !Differs().empty()) Advance();
}

std::string Run::Differs() const {
  for (const auto& rule : rules_)
    if (std::string differs = rule->Differs(mesh_); !differs.empty()) return differs;
  return {};
}

void Run::End() {
  for (const auto& rule : rules_) rule->End(mesh_, [this](const std::string& what) { Break(what); });
}

}  // namespace prefixmesh::sim
