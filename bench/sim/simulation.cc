#include "bench/sim/simulation.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "bench/sim/rules/position_rules.h"
#include "bench/sim/rules/two_layer_rules.h"
#include "bench/sim/run.h"
#include "bench/sim/two_layer_phases.h"

namespace prefixmesh::sim {
namespace {

using std::chrono::seconds;

void LoadPhase(Run& run, Time heal, Time quiet) {
  bool healed = false;
  while (run.ok() && run.at() < quiet) {
    if (!healed && run.at() >= heal) {
      run.mesh().Heal();
      healed = true;
    }
    if (!healed) run.mesh().Faults(Run::kStep);
    run.mesh().Load(Run::kStep);
    run.Advance();
  }
}

// What the largest log of two-layer needs to get through a link of which no more than unacked_kib may be under way.
// Nothing for a strategy of which no log is known here.
Time TransferTime(const SimMesh& mesh) {
  const Swarm& swarm = mesh.swarm();
  double bytes = 0;
  for (std::size_t node = 0; node < mesh.nodes() && mesh.runs_two_layer(); ++node)
    if (mesh.counts(node))
      bytes = std::max(bytes, static_cast<double>(ReplicaOf(*mesh.router(node)).own().window.bytes()));
  const double round_trip_s = 2 * (swarm.delay_ms + swarm.round_ms) / 1e3;
  return Seconds(bytes / (swarm.unacked_kib * 1024) * round_trip_s);
}

void ConvergePhase(Run& run) {
  const Swarm& swarm = run.swarm();
  const Time limit = run.at() + 2 * Seconds(swarm.dead_after_s) + seconds(30) + 20 * Seconds(swarm.round_ms / 1e3) +
                     2 * TransferTime(run.mesh());
  run.AdvanceToAgreement(limit);
  if (const std::string differs = run.Differs(); !differs.empty()) return run.Break("did not converge: " + differs);
  // What is left of dead routers goes, everywhere.
  while (run.ok() && run.at() < limit && !LogOfNobody(run.mesh()).empty()) run.Advance();
  if (const std::string dead = LogOfNobody(run.mesh()); !dead.empty())
    return run.Break("a dead router's log never goes: " + dead);
  run.AdvanceToAgreement(limit + seconds(10));
  if (const std::string differs = run.Differs(); !differs.empty()) run.Break("did not converge again: " + differs);
}

// Every accepted write reaches everyone.
void LastPlacementsPhase(Run& run) {
  SimMesh& mesh = run.mesh();
  const Time rounds = 2 * Seconds(run.swarm().round_ms / 1e3) + Run::kStep;
  run.AdvanceTo(run.at() + rounds);  // in a round of its own: with others it might leave a tiny window at once
  std::vector<std::pair<std::size_t, NodeId>> last;
  for (std::size_t node = 0; node < mesh.nodes(); ++node) {
    if (!mesh.counts(node)) continue;
    const NodeId ids[] = {mesh.DrawId(), mesh.DrawId(), mesh.DrawId()};
    if (!mesh.router(node)->Place("m0", Kind::kText, ids)) run.Break(RouterName(node) + " refuses requests at rest");
    last.emplace_back(node, ids[2]);
  }
  const Time limit =
      run.at() + seconds(5) + 10 * Seconds(run.swarm().round_ms / 1e3) + 20 * Seconds(run.swarm().delay_ms / 1e3);
  run.AdvanceTo(run.at() + rounds);
  run.AdvanceToAgreement(limit);
  if (const std::string differs = run.Differs(); !differs.empty())
    return run.Break("a last write did not arrive: " + differs);
  for (const auto& [writer, leaf] : last)
    for (std::size_t node = 0; node < mesh.nodes(); ++node) {
      if (!mesh.counts(node)) continue;
      const SyncStrategy* strategy = mesh.router(node)->core().strategy();
      if (strategy == nullptr || !strategy->traits().keeps_records) continue;
      bool held = false;
      for (std::size_t worker = 0; worker < mesh.workers(); ++worker)
        held = held || strategy->Holds("m0", Kind::kText, leaf, WorkerLabel(worker));
      if (!held) run.Break(RouterName(node) + " does not hold the last write of " + RouterName(writer));
    }
}

}  // namespace

Outcome Simulate(const Swarm& swarm, const StrategyDescription& strategy, std::uint64_t seed, Time duration) {
  Run run(swarm, strategy, seed);
  Outcome outcome;
  const Time heal = duration * 6 / 10;
  run.mesh().StartAll();
  LoadPhase(run, heal, duration * 75 / 100);
  if (run.ok()) ConvergePhase(run);
  outcome.converged_after_s = std::chrono::duration<double>(run.at() - heal).count();
  if (run.ok()) LastPlacementsPhase(run);
  const bool two_layer = run.mesh().runs_two_layer(), prompt = swarm.delay_ms <= 50;
  if (run.ok() && two_layer && prompt) CalmPhase(run);
  if (run.ok() && two_layer && prompt && swarm.bridge != 0) BridgedPhase(run);
  if (run.ok() && two_layer) QuietPhase(run);
  if (run.ok()) run.End();

  const SimMesh& mesh = run.mesh();
  for (std::size_t node = 0; node < mesh.nodes(); ++node) {
    if (mesh.router(node) == nullptr) continue;
    const RecordCounts records = mesh.router(node)->report().records;
    outcome.placements += records.local;
    outcome.applied += records.applied;
  }
  outcome.broken = run.broken();
  outcome.hash = mesh.network().trace_hash();
  outcome.lives = mesh.lives();
  outcome.frames = mesh.network().frames();
  return outcome;
}

}  // namespace prefixmesh::sim
